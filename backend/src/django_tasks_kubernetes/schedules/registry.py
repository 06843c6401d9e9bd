"""The schedules that this process has seen declared."""

from collections.abc import Callable, Iterator
from typing import Any

from django_tasks_kubernetes.schedules.definition import Schedule


class Registry:
    """In the order of their declaration. Two of one name are both there: the checks say so."""

    def __init__(self) -> None:
        self._declared: list[Schedule] = []
        # By the paths of their tasks.
        self._functions: dict[str, Callable[..., Any]] = {}

    def add(self, schedule: Schedule) -> None:
        # A module that is loaded again declares its schedules again, of functions that are others. Chains and groups
        # have no path: none of them is another one's again. Each task pod imports what a project declares, which may be
        # thousands: so the others are looked through only then.
        path, function = schedule.task.module_path, schedule.task.func
        if path and self._functions.setdefault(path, function) is not function:
            self._declared = [known for known in self._declared if known.task.module_path != path]
            self._functions[path] = function
        self._declared.append(schedule)

    def __iter__(self) -> Iterator[Schedule]:
        return iter(list(self._declared))

    def __len__(self) -> int:
        return len(self._declared)


declared = Registry()
