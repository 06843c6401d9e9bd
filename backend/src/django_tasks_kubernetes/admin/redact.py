"""What people may see of arguments and results: by their names, and by a function of the project. Pure, but that it
imports the task.

No security boundary: who may read DjangoTasks with kubectl reads them whole.
"""

import inspect
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.tasks import Task
from django.utils.module_loading import import_string
from django.views.debug import get_default_exception_reporter_filter

from django_tasks_kubernetes.admin.json_parts import HIDDEN, check, parts, without
from django_tasks_kubernetes.codec.find import find
from django_tasks_kubernetes.conf import is_path

logger = logging.getLogger(__name__)

type Hook = Callable[[str, dict[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Argument:
    """A value, as it is shown."""

    name: str
    text: str
    """JSON, exactly as it is stored but for what is hidden. HIDDEN where all of it is."""
    is_hidden: bool = False
    """Whether anything of it is."""


def arguments(
    task_path: str, args_text: str, kwargs_text: str, hide: str | None = None, most: int | None = None
) -> list[Argument]:
    """The arguments of a task by their names: the positional ones, then those by keyword. `hide`: of
    OPTIONS["ADMIN_HIDE"]. `most`: so many of each kind are enough; a function that hides is given all, though."""
    if hide is not None and is_path(hide):
        most = None
    try:
        check(args_text)
        check(kwargs_text)
        texts = [text for _, text in islice(parts(args_text), most)]
        given = [*zip(_names(task_path, len(texts)), texts, strict=True), *islice(parts(kwargs_text), most)]
    except ValueError:
        # Not what enqueue() writes. Its names are not known, so that nothing of it is known to be harmless.
        return [Argument("args", HIDDEN, True), Argument("kwargs", HIDDEN, True)]
    return _shown(task_path, given, hide)


def payload(task_path: str, text: str, hide: str | None = None, most: int | None = None) -> list[Argument]:
    """See arguments(). `text`: that of a DjangoTask, {"args": [...], "kwargs": {...}}."""
    try:
        check(text)
        given = dict(parts(text))
    except ValueError:
        given = {"payload": text}
    if set(given) != {"args", "kwargs"}:
        return [Argument("payload", HIDDEN, True)]
    return arguments(task_path, given["args"], given["kwargs"], hide, most)


def value(task_path: str, name: str, text: str, hide: str | None = None) -> Argument:
    """A result, or what else there is of a task as JSON text."""
    try:
        check(text)
    except ValueError:
        return Argument(name, HIDDEN, True)
    return _shown(task_path, [(name, text)], hide)[0]


def _shown(task_path: str, given: Iterable[tuple[str, str]], hide: str | None) -> list[Argument]:
    patterns = list(_patterns(hide))
    shown = [_cleansed(name, text, patterns) for name, text in given]
    if hide is None or not is_path(hide):
        return shown
    try:
        return list(_by_hook(import_string(hide), task_path, shown))
    except Exception:
        logger.exception('OPTIONS["ADMIN_HIDE"] %s failed for task %s: all of its data is hidden.', hide, task_path)
        return [Argument(one.name, HIDDEN, True) for one in shown]


def _patterns(hide: str | None) -> Iterator[re.Pattern[str]]:
    hidden = getattr(get_default_exception_reporter_filter(), "hidden_settings", None)
    if hidden is not None:
        yield hidden
    if hide is not None and not is_path(hide):
        yield re.compile(hide, re.IGNORECASE)


def _cleansed(name: str, text: str, patterns: list[re.Pattern[str]]) -> Argument:
    def is_hidden(name: str) -> bool:
        return any(pattern.search(name) for pattern in patterns)

    if is_hidden(name):
        return Argument(name, HIDDEN, True)
    left = without(text, is_hidden)
    return Argument(name, left, left != text)


def _by_hook(hook: Hook, task_path: str, shown: list[Argument]) -> Iterator[Argument]:
    """What the function leaves as it is keeps its text; what it leaves out is hidden."""
    before = {one.name: HIDDEN if one.text == HIDDEN else json.loads(one.text) for one in shown}
    if len(before) < len(shown):
        raise ValueError("two arguments have one name")
    texts = {name: json.dumps(value) for name, value in before.items()}
    after = hook(task_path, before)
    for one in shown:
        if one.name not in after:
            yield Argument(one.name, HIDDEN, True)
        elif (text := json.dumps(after[one.name])) == texts[one.name]:
            yield one
        else:
            yield Argument(one.name, text, True)


def _names(task_path: str, number: int) -> list[str]:
    """Of so many positional arguments, in the signature of the task where that is found here."""
    named, rest = _signature(task_path)
    return [*named[:number], *(f"{rest}[{index}]" for index in range(max(number - len(named), 0)))]


def _signature(task_path: str) -> tuple[list[str], str]:
    """The names of its positional parameters, and of the one that takes all others."""
    try:
        task = find(task_path)
        function = task.func if isinstance(task, Task) else task
        parameters = list(inspect.signature(function).parameters.values())
    except Exception:  # noqa: BLE001 - whatever importing somebody's module raises
        return [], "args"
    if getattr(task, "takes_context", False):
        parameters = parameters[1:]
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    named = [one.name for one in parameters if one.kind in by_position]
    rest = next((one.name for one in parameters if one.kind is inspect.Parameter.VAR_POSITIONAL), "args")
    return named, rest
