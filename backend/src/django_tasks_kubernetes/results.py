"""The class of this backend's results: Django's TaskResult, and what Kubernetes adds to it.

Standard library and Django only: task pods import it.
"""

from dataclasses import dataclass, fields
from typing import Final

from django.tasks import TaskResult
from django.tasks.base import TASK_REFRESH_ATTRS


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesResult(TaskResult):  # type: ignore[type-arg, misc]  # generic, and not frozen, for the stubs alone
    """What enqueue() and get_result() return."""

    def refresh(self) -> None:
        """Reads the task anew. Raises as get_result() does."""
        self._become(self.task.get_backend().get_result(self.id))

    async def arefresh(self) -> None:
        """See refresh()."""
        self._become(await self.task.get_backend().aget_result(self.id))

    def _become(self, other: "TaskResult[..., object]") -> None:
        """Takes over what changes in a task's life: the fields that Django refreshes, and all that are ours."""
        for name in REFRESHED:
            object.__setattr__(self, name, getattr(other, name))


REFRESHED: Final = TASK_REFRESH_ATTRS | (
    {field.name for field in fields(KubernetesResult)} - {field.name for field in fields(TaskResult)}
)
