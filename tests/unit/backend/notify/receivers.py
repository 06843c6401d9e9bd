"""Receivers of ends that record their calls, and ends for them."""

from typing import Any

from django.utils import timezone

from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.notify import inbox
from tests.unit.backend.notify.test_ends import AT, attempt, failure
from tests.unit.backend.tasks import echo

Backend = Any


class Receivers:
    """Receivers that record their calls, and raise what is in `errors`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.errors: list[BaseException] = []

    def alert(self, task_result: Any, reason: str | None, reported: bool, **kwargs: Any) -> None:
        self.calls.append(("alert", task_result.status, reason, reported))

    def book(self, task_result: Any, **kwargs: Any) -> None:
        now = timezone.now()
        OutboxTask.objects.create(id=f"row-{len(self.calls)}", resource="", created_at=now, next_try_at=now)
        self.calls.append(("book", task_result.id))
        if self.errors:
            raise self.errors.pop(0)

    async def asynchronous(self, task_result: Any, **kwargs: Any) -> None:
        self.calls.append(("asynchronous", task_result.id))

    def attempt(self, task_result: Any, attempt: int, reason: str, **kwargs: Any) -> None:
        self.calls.append(("attempt", attempt, reason))


def named(name: str, given: dict[str, Any]) -> dict[str, Any]:
    spec = {"task": echo.module_path, "queue": "default", "backend": "default", "enqueuedAt": AT}
    return given | {"metadata": {"name": name, "uid": f"uid-{name}"}, "spec": spec}


OOM = named("oom", failure("OOMKilled", attempt(1, "OOMKilled")))


def dispatch_next(backend: Backend) -> bool:
    """Dispatches the first end that is due. Returns False where none is."""
    return next(inbox.dispatch_due([backend], "default"), None) is not None


def dispatch_all(backend: Backend) -> int:
    return sum(1 for _ in inbox.dispatch_due([backend], "default"))
