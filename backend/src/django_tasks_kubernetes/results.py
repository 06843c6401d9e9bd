"""The class of this backend's results: Django's TaskResult, and what Kubernetes adds to it.

Standard library and Django only: task pods import it.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from asgiref.sync import sync_to_async
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.base import TASK_REFRESH_ATTRS

from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.exceptions import TaskFailed

if TYPE_CHECKING:
    from django_tasks_kubernetes.watching.changes import Changes


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task is, in its own words: what it told `context.progress()` last. None for what it left out."""

    done: float | None = None
    total: float | None = None
    message: str | None = None

    updated_at: datetime
    """When that was stored. It is also the last sign of life."""

    @property
    def fraction(self) -> float | None:
        """From 0 to 1, also where more is done than was to do. None without a total."""
        if self.done is None or self.total is None:
            return None
        return min(self.done / self.total, 1.0) if self.total else 1.0

    @property
    def percent(self) -> int | None:
        """From 0 to 100, which it is at the end alone. None without a total."""
        if (fraction := self.fraction) is None:
            return None
        return 100 if fraction == 1 else min(round(100 * fraction), 99)


class Later:
    """A value that is in a storage, and read by whoever looks at it first. Copies and pickles are the value."""

    __slots__ = ("_read", "_value")

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read: Callable[[], Any] | None = read
        self._value: Any = None

    @property
    def value(self) -> Any:
        """Raises what reading raises, each time it is tried."""
        if self._read is not None:
            self._value, self._read = self._read(), None
        return self._value

    def __repr__(self) -> str:
        return "<in a storage>" if self._read is not None else repr(self._value)

    def __deepcopy__(self, memo: Any) -> Any:
        from copy import deepcopy

        return deepcopy(self.value, memo)

    def __reduce__(self) -> Any:
        return _itself, (self.value,)


def _itself(value: Any) -> Any:
    return value


def _now(value: Any) -> Any:
    return value.value if isinstance(value, Later) else value


# Where Django's class keeps what the properties of the same names below look at.
ARGS: Final[Any] = TaskResult.__dict__["args"]
KWARGS: Final[Any] = TaskResult.__dict__["kwargs"]
RETURN_VALUE: Final[Any] = TaskResult.__dict__["return_value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesResult(TaskResult):  # type: ignore[type-arg, misc]  # generic, and not frozen, for the stubs alone
    """What enqueue() and get_result() return.

    Arguments and return values that are in a storage are read from there when they are looked at, once: `args`,
    `kwargs` and `return_value` then raise StorageFailed where that does not work.
    """

    progress: Progress | None = None
    """How far it is, where the task has said so. It is there after the end, too."""

    def __post_init__(self) -> None:
        if not isinstance(ARGS.__get__(self), Later):
            TaskResult.__post_init__(self)

    def __repr__(self) -> str:
        """Without a look into a storage."""
        raw = {"args": ARGS.__get__(self), "kwargs": KWARGS.__get__(self)}
        values = {f.name: raw[f.name] if f.name in raw else getattr(self, f.name) for f in fields(self)}
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in values.items())})"

    @property
    def return_value(self) -> Any:
        """The return value of the task. Raises ValueError where it has none: it failed, or is not finished."""
        return _now(RETURN_VALUE.__get__(self))

    def refresh(self) -> None:
        """Reads the task anew. Raises as get_result() does."""
        self._become(self.task.get_backend().get_result(self.id))

    async def arefresh(self) -> None:
        """See refresh()."""
        self._become(await self.task.get_backend().aget_result(self.id))

    def wait(self, timeout: Duration | None = None) -> Self:
        """Waits until the task is finished, and returns this result, refreshed. `timeout`: None for no limit.

        It watches, and does not poll; all who wait in a process share one watch.

        Raises WaitTimeout; TaskResultDoesNotExist when the task is deleted meanwhile; and as get_result() does, but for
        ApiUnavailable: an API server that is away is waited for too.
        """
        if not self.is_finished:
            changes = self._changes(timeout)
            for changed in changes:
                self._become(changed)
            if not self.is_finished:
                raise changes.timed_out(self)
        return self

    async def await_(self, timeout: Duration | None = None) -> Self:  # noqa: ASYNC109 - as wait()
        """See wait(). No thread waits."""
        if not self.is_finished:
            changes = self._changes(timeout)
            async for changed in changes:
                self._become(changed)
            if not self.is_finished:
                raise changes.timed_out(self)
        return self

    def get(self, timeout: Duration | None = None) -> Any:
        """Waits, and returns the return value. Raises TaskFailed when the task has failed, and as wait() does."""
        return self.wait(timeout)._returned()

    async def aget(self, timeout: Duration | None = None) -> Any:  # noqa: ASYNC109 - as get()
        """See get()."""
        await self.await_(timeout)
        # It may be in a storage, which blocks.
        return await sync_to_async(self._returned, thread_sensitive=False)()

    def _changes(self, timeout: Duration | None) -> "Changes":
        from django_tasks_kubernetes.watching.changes import waiting  # not in task pods

        return waiting(self, timeout)

    def _returned(self) -> Any:
        if self.status == TaskResultStatus.FAILED:
            raise TaskFailed(self)
        return self.return_value

    def is_as(self, other: "KubernetesResult") -> bool:
        """Both tell the same of the task's life. Unlike ==, this looks into no storage."""
        return all(getattr(self, name) == getattr(other, name) for name in REFRESHED - {"_return_value"})

    def _become(self, other: "TaskResult[..., object]") -> None:
        """Takes over what changes in a task's life: the fields that Django refreshes, and all that are ours."""
        for name in REFRESHED:
            object.__setattr__(self, name, getattr(other, name))


def _looked_at(slot: Any) -> property:
    return property(lambda self: _now(slot.__get__(self)), lambda self, value: slot.__set__(self, value))


# After the class is made: in it, these names would be taken for fields with a default.
KubernetesResult.args = _looked_at(ARGS)  # type: ignore[assignment]
KubernetesResult.kwargs = _looked_at(KWARGS)  # type: ignore[assignment]

REFRESHED: Final = TASK_REFRESH_ATTRS | (
    {field.name for field in fields(KubernetesResult)} - {field.name for field in fields(TaskResult)}
)
