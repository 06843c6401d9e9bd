"""The class of this backend's results: Django's TaskResult, and what Kubernetes adds to it.

Standard library and Django only: task pods import it.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

from asgiref.sync import sync_to_async
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.base import TASK_REFRESH_ATTRS

from django_tasks_kubernetes.durations import Duration
from django_tasks_kubernetes.exceptions import UNSAID, TaskFailed
from django_tasks_kubernetes.lazy import LazyValue, value_of

if TYPE_CHECKING:
    from django_tasks_kubernetes.chunk import Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task is: its last call of `context.progress()`. None for what it left out."""

    done: float | None = None
    total: float | None = None
    message: str | None = None

    updated_at: datetime
    """When that was stored. It is also the last heartbeat."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EnqueuedBy:
    """The task whose code has enqueued another, in its pod."""

    id: str
    """Of its result."""

    attempt: int
    """1 for its first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptUsage:
    """What an attempt has used of its node. None for what is not known."""

    attempt: int
    """1 for the first."""

    memory_bytes: int | None = None
    """The most memory at once, files in memory included. After OOMKilled: the limit."""

    memory_limit_bytes: int | None = None
    """The memory limit of its container. None also where it has none."""

    cpu_seconds: float | None = None
    """CPU time, of all its processes."""


# The slots of Django's class, which the properties of the same names below read.
ARGS: Final[Any] = TaskResult.__dict__["args"]
KWARGS: Final[Any] = TaskResult.__dict__["kwargs"]
RETURN_VALUE: Final[Any] = TaskResult.__dict__["return_value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesResult(TaskResult):  # type: ignore[type-arg, misc]  # generic, and not frozen, for the stubs alone
    """What enqueue() and get_result() return.

    Arguments and return values in a storage are read on first access: `args`, `kwargs` and `return_value` then raise
    StorageFailed if that fails. So are arguments that are large results of other steps of a workflow: InvalidResource
    where one of these tasks was deleted.
    """

    progress: Progress | None = None
    """The last progress that the task has reported; None without a report."""

    usage: tuple[AttemptUsage, ...] = ()
    """What each attempt has used that has ended; without those of which nothing is known."""

    enqueued_by: EnqueuedBy | None = None
    """The task that has enqueued it; None where none has, and before the commit with which it is created."""

    schedule: str | None = None
    """The name of the schedule that made the task; None where it was enqueued."""

    scheduled_for: datetime | None = None
    """The time of its schedule that it was made for, in UTC."""

    reason: str | None = None
    """One word for what it waits for, or why it failed or was cancelled."""

    message: str | None = None
    """The reason as a sentence."""

    chunk: "Chunk | None" = None
    """Its items, where it is a chunk; None where it calls its function once."""

    def __post_init__(self) -> None:
        if not isinstance(ARGS.__get__(self), LazyValue):
            TaskResult.__post_init__(self)

    def __repr__(self) -> str:
        """Shows values in a storage without reading them."""
        raw = {"args": ARGS.__get__(self), "kwargs": KWARGS.__get__(self)}
        values = {f.name: raw[f.name] if f.name in raw else getattr(self, f.name) for f in fields(self)}
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in values.items())})"

    @property
    def return_value(self) -> Any:
        """The return value of the task. Raises ValueError where it has none: it failed, or is not finished."""
        return value_of(RETURN_VALUE.__get__(self))

    def refresh(self) -> None:
        """Read the task again. Raises as get_result() does."""
        self.update_from(self.task.get_backend().get_result(self.id))

    async def arefresh(self) -> None:
        """See refresh()."""
        self.update_from(await self.task.get_backend().aget_result(self.id))

    def wait(self, timeout: Duration | None = None) -> Self:
        """Waits until the task is finished, and returns this result, refreshed. `timeout`: None for no limit, 0 to look
        once.

        It watches rather than polls; all waiting threads of a process share one watch.

        Raises WaitTimeout; TaskResultDoesNotExist when the task is deleted meanwhile; and as get_result() does, except
        for ApiUnavailable: it waits for an unavailable API server too.
        """
        if not self.is_finished:
            changes = self._changes(timeout)
            for changed in changes:
                self.update_from(changed)
            if not self.is_finished:
                raise self._timed_out(changes)
        return self

    async def await_(self, timeout: Duration | None = None) -> Self:  # noqa: ASYNC109 - as wait()
        """See wait(). No thread waits."""
        if not self.is_finished:
            changes = self._changes(timeout)
            async for changed in changes:
                self.update_from(changed)
            if not self.is_finished:
                raise self._timed_out(changes)
        return self

    def get(self, timeout: Duration | None = None) -> Any:
        """Waits, and returns the return value. Raises TaskFailed when the task has failed, and as wait() does."""
        return self.wait(timeout)._returned()

    async def aget(self, timeout: Duration | None = None) -> Any:  # noqa: ASYNC109 - as get()
        """See get()."""
        await self.await_(timeout)
        # It may be in a storage, which blocks.
        return await sync_to_async(self._returned, thread_sensitive=False)()

    def cancel(self, reason: str = "") -> None:
        """Asks the operator to cancel the task, as cancel() of the backend does."""
        backend: Any = self.task.get_backend()
        self.update_from(backend.cancel(self.id, reason))

    async def acancel(self, reason: str = "") -> None:
        """See cancel()."""
        backend: Any = self.task.get_backend()
        self.update_from(await backend.acancel(self.id, reason))

    def _changes(self, timeout: Duration | None) -> Any:
        """Asks the backend, as refresh() does. Raises ValueError or TypeError for what is no duration."""
        backend: Any = self.task.get_backend()
        return backend.changes_of(self, timeout)

    def _timed_out(self, changes: Any) -> Exception:
        attempt = f" (attempt {self.attempts})" if self.attempts else ""
        what, state = f"Task {self.id} ({self.task.module_path})", f"{self.status}{attempt}"
        is_ready = self.status == TaskResultStatus.READY and not self.attempts and self.task.run_after is None
        message = UNSAID if is_ready and not self.reason else self.message
        error: Exception = changes.timed_out(what, state, self.reason, message)
        return error

    def _returned(self) -> Any:
        if self.status == TaskResultStatus.FAILED:
            raise TaskFailed(self)
        return self.return_value

    def same_state(self, other: "KubernetesResult") -> bool:
        """Whether both show the same state of the task. Unlike ==, this reads no storage."""
        return all(getattr(self, name) == getattr(other, name) for name in REFRESHED - {"_return_value"})

    def note_enqueued_by(self, task: EnqueuedBy | None) -> None:
        """Note, of a task that was just created, which one has enqueued it."""
        object.__setattr__(self, "enqueued_by", task)

    def update_from(self, other: "TaskResult[..., object]") -> None:
        """Copy the state of the task: the fields that Django refreshes, and all that are ours."""
        for name in REFRESHED:
            object.__setattr__(self, name, getattr(other, name))


def _lazy(slot: Any) -> property:
    return property(lambda self: value_of(slot.__get__(self)), lambda self, value: slot.__set__(self, value))


# After the class is made: in it, these names would be taken for fields with a default.
KubernetesResult.args = _lazy(ARGS)  # type: ignore[assignment]  # a property for a field
KubernetesResult.kwargs = _lazy(KWARGS)  # type: ignore[assignment]  # a property for a field

REFRESHED: Final = TASK_REFRESH_ATTRS | (
    {field.name for field in fields(KubernetesResult)} - {field.name for field in fields(TaskResult)}
)
