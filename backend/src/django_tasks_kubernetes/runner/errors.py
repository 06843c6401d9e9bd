"""An exception as the resource holds it. Without Django, which may be what fails."""

import re
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from django_tasks_kubernetes.retry import is_retried, leaves_of
from djangotasks_api.bounds import ERROR_TYPE_MAX_CHARS, TRACEBACK_MAX_BYTES
from djangotasks_api.failure import ErrorReport
from djangotasks_api.text import CUT, first_line, shorten

# What databases, and who fills them, say of values in the first line, where the value or the line may be cut.
# PostgreSQL says what is in rows in the second, DETAIL, and what it was given in the first.
ROW_VALUES: Final = (
    re.compile(r"(Duplicate entry )'.*(?:'( for key)|…$)"),
    re.compile(r"(Incorrect \w+ value: )'.*(?:'( for column)|…$)"),
    re.compile(r"(Truncated incorrect \w+ value: )'.*()"),
    re.compile(r"(The duplicate key value is )\(.*(?:\)()|…$)"),
    re.compile(r"(Truncated value: )'.*()"),
    re.compile(r"(converting the \w+ value )'.*(?:'( to data type)|…$)"),
    re.compile(r"(invalid input (?:syntax for type|value for enum) [^:]+: )\".*()"),
    re.compile(r"(value )\".*(?:\"( is out of range for type)|…$)"),
    re.compile(r"(field value out of range: )\".*()"),
    re.compile(r"(dup key: )\{.*()"),
    # django-import-export, of the row that it could not import.
    re.compile(r"(\(OrderedDict)\(\{.*(?:\}\)(\))|…$)"),
)
# Exceptions in groups that a traceback shows. Python shows 15 of a group, and groups to a depth of 10.
MEMBERS_MAX: Final = 250
# What calls a task: its traceback starts after these.
CALLERS: Final = (
    "django_tasks_kubernetes.runner.chunk",
    "django_tasks_kubernetes.runner.execute",
    "django_tasks_kubernetes.runner.process",
    "django.tasks.base",
)


class UnreadableException(Exception):
    """In the place of one that cannot be asked what it is."""


def readable(error: BaseException) -> BaseException:
    """The exception, or an UnreadableException where it cannot be asked what it is: its code, or that of its class or
    of its metaclass, may fail, and must not lose the outcome."""
    try:
        # This asks it, and what is in it, for all that counts later.
        is_retried(error, None, ())
        from_the_task_on(error.__traceback__)
        headline(error)
    except Exception as problem:  # noqa: BLE001 - see above
        # As object writes it, which asks neither: <module.Class object at 0x…>.
        name = object.__repr__(error).removeprefix("<").partition(" object at ")[0]
        frames = BaseException.__dict__["__traceback__"].__get__(error)
        return UnreadableException(
            f"The task raised {name}, and its code raises {type(problem).__name__}, when it is asked what it is."
        ).with_traceback(frames)
    return error


def error_report(error: BaseException) -> ErrorReport:
    """Class, message and traceback, as text that any JSON parser takes, within the CRD's limits."""
    class_ = type(error)
    try:
        text = "".join(_lines(error))
    except Exception as second:  # noqa: BLE001 - an exception whose own code fails must not lose the outcome
        text = f"{class_.__qualname__} (its traceback cannot be shown: {type(second).__name__})\n"
    text = _clean(text)
    if len(text) > TRACEBACK_MAX_BYTES:
        text = shorten(text, TRACEBACK_MAX_BYTES - len(CUT))
    path = _clean(f"{class_.__module__}.{class_.__qualname__}")
    return ErrorReport(type=path[:ERROR_TYPE_MAX_CHARS], traceback=text, message=_clean(headline(error)))


def _lines(error: BaseException) -> Iterator[str]:
    """The traceback, with those of the exceptions that belong to it, unless these are many: Python would first read
    all of them, each group again wherever it is, and by recursion."""
    frames = from_the_task_on(error.__traceback__)
    if not _has_many(error):
        yield from traceback.format_exception(type(error), error, frames)
        return
    yield "Traceback (most recent call last):\n"
    yield from traceback.format_tb(frames)
    yield f"{headline(error)}\n"
    first = leaves_of(error)[0]
    if first is not error and not _has_many(first):
        yield "\nToo many exceptions belong to it to show them. The first one in the group:\n\n"
        yield from traceback.format_exception(first)


def _has_many(error: BaseException) -> bool:
    """Whether more than MEMBERS_MAX exceptions are in it where it is a group, or in groups that caused it. One that is
    in two groups counts twice, as a traceback has it."""
    members, left, linked = 0, [error], set[int]()
    while left:
        each = left.pop()
        if isinstance(each, BaseExceptionGroup):
            members += len(each.exceptions)
            if members > MEMBERS_MAX:
                return True
            left += each.exceptions
        for link in (each.__cause__, each.__context__):
            if link is not None and id(link) not in linked:
                linked.add(id(link))
                left.append(link)
    return False


def headline(error: BaseException) -> str:
    """What was raised, as the last line of a traceback says it, with the first line of its message. Of a group, the
    first exception in it as well. Without the values of rows that databases quote: more people read it than the row."""
    class_ = type(error)
    name = class_.__qualname__ if class_.__module__ == "builtins" else f"{class_.__module__}.{class_.__qualname__}"
    try:
        text = first_line(str(error))
    except BaseException:  # noqa: BLE001 - see error_report
        text = ""
    for pattern in ROW_VALUES:
        text = pattern.sub(r"\1…\2", text)
    line = f"{name}: {text}" if text else name
    if isinstance(error, BaseExceptionGroup):
        leaves = leaves_of(error)
        line += f": {headline(leaves[0])}"
        if len(leaves) > 1:
            line += f"; and {len(leaves) - 1} more"
    return line


def exit_code(error: SystemExit) -> int:
    """Of a process that ends with it: https://docs.python.org/3/library/sys.html#sys.exit"""
    code = error.code
    return 0 if code is None else code & 0xFF if isinstance(code, int) else 1


def from_the_task_on(frames: TracebackType | None) -> TracebackType | None:
    """Without the frames that lead to the task, so that the first line shown is the task's own."""
    ours = {getattr(sys.modules.get(name), "__file__", None) for name in CALLERS}
    rest = frames
    while rest is not None and rest.tb_frame.f_code.co_filename in ours:
        rest = rest.tb_next
    return rest or frames


def _clean(text: str) -> str:
    """With lone surrogates, which file names and messages can hold, as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
