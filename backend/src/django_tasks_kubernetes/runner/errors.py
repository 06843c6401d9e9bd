"""An exception as the resource holds it. Without Django, which may be what fails."""

import sys
import traceback
from types import TracebackType
from typing import Final

from djangotasks_api.names import TRACEBACK_MAX_BYTES
from djangotasks_api.outcome import CUT, ErrorReport, shorten

# The CRD's maxLength of error.type.
TYPE_MAX_CHARS: Final = 512
# What calls a task: its traceback starts after these.
CALLERS: Final = (
    "django_tasks_kubernetes.runner.execute",
    "django_tasks_kubernetes.runner.process",
    "django.tasks.base",
)


def error_report(error: BaseException) -> ErrorReport:
    """Class and traceback, as text that any JSON parser takes, within the CRD's limits."""
    class_ = type(error)
    try:
        text = "".join(traceback.format_exception(class_, error, _from_the_task_on(error.__traceback__)))
    except Exception as second:  # noqa: BLE001 - an exception whose own code fails must not lose the outcome
        text = f"{class_.__qualname__} (its traceback cannot be shown: {type(second).__name__})\n"
    text = _clean(text)
    if len(text) > TRACEBACK_MAX_BYTES:
        text = shorten(text, TRACEBACK_MAX_BYTES - len(CUT))
    return ErrorReport(type=_clean(f"{class_.__module__}.{class_.__qualname__}")[:TYPE_MAX_CHARS], traceback=text)


def _from_the_task_on(frames: TracebackType | None) -> TracebackType | None:
    """Without the frames that lead to the task, so that the first line shown is the task's own."""
    ours = {getattr(sys.modules.get(name), "__file__", None) for name in CALLERS}
    rest = frames
    while rest is not None and rest.tb_frame.f_code.co_filename in ours:
        rest = rest.tb_next
    return rest or frames


def _clean(text: str) -> str:
    """With lone surrogates, which file names and messages can hold, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
