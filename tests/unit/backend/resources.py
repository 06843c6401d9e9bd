"""DjangoTasks as the API server gives them, and a session without one."""

import io
from collections.abc import Callable, Iterator
from typing import Any, cast

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import Output, OutputFormat
from django_tasks_kubernetes.cli.session import Session
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.watch.subscription import Subscription


def resource(name: str = "one", *, spec: dict[str, Any] | None = None, version: int = 1, **status: Any) -> Resource:
    fixed = {"task": "shop.tasks.send", "queue": "mail", "enqueuedAt": "2026-11-23T12:00:00Z", "payload": "{}"}
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTask",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": str(version)},
        "spec": fixed | (spec or {}),
        "status": status,
    }


def attempt(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"number": number, "pod": f"one-{number}", "job": f"one-{number}"} | fields


ENDED: dict[str, Any] = {"finishedAt": "2026-11-23T12:00:09Z"}
FAILED = attempt(reason="TaskError", message="KeyError: 'x'", **ENDED)


class FakeTasks:
    """Those that there are, and what was asked for."""

    def __init__(self, *resources: Resource) -> None:
        self.resources = {found["metadata"]["name"]: found for found in resources}
        self.cancelled: list[tuple[str, str]] = []
        self.selectors: list[str] = []
        self.read: list[str] = []
        # Brings the changes of a task.
        self.client: Any = None
        self.known_workflows: tuple[Resource, ...] = ()

    def get(self, name: str) -> Resource:
        self.read.append(name)
        if name not in self.resources:
            raise TaskResultDoesNotExist(name)
        return self.resources[name]

    def cancel(self, name: str, reason: str) -> Resource:
        self.cancelled.append((name, reason))
        return self.get(name)

    def find(self, selector: str) -> Iterator[Resource]:
        self.selectors.append(selector)
        return iter(self.resources.values())

    def names(self) -> Iterator[str]:
        return iter(self.resources)

    def values_of(self, label: str) -> Iterator[str]:
        labels = (found["metadata"].get("labels") or {} for found in self.resources.values())
        return (each[label] for each in labels if label in each)

    @property
    def enqueued_by(self) -> None:
        return None

    @property
    def workflows(self) -> Any:
        return FakeTasks(*self.known_workflows)

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        end: Callable[[], None] = self.client.subscribe(subscription)
        return end


class Recorded:
    """A session whose output is kept."""

    def __init__(self, tasks: FakeTasks, format_: OutputFormat = OutputFormat.TABLE, client: object = None) -> None:
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        output = Output(format=format_, stdout=self.stdout, stderr=self.stderr)
        tasks.client = client
        self.session = Session(tasks, cast(Any, client), lambda name: f"{name}-again", output, requested_by="a test")

    @property
    def out(self) -> str:
        return self.stdout.getvalue()

    @property
    def err(self) -> str:
        return self.stderr.getvalue()


class FakeResponse:
    def __init__(self, status: int, body: bytes | list[bytes | Exception]) -> None:
        self.status = status
        self._parts = [body] if isinstance(body, bytes) else body
        self.closed = False

    def read(self) -> bytes:
        return b"".join(part for part in self._parts if isinstance(part, bytes))

    def stream(self, amount: int) -> Iterator[bytes]:
        for part in self._parts:
            if isinstance(part, Exception):
                raise part
            yield part

    def close(self) -> None:
        self.closed = True


class FakeClient:
    """Gives one answer to a request for a log after the other, and changes of a task at once."""

    namespace = "shop"

    def __init__(self, *answers: FakeResponse, changes: list[Resource | None] | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.changes = changes or []
        self.annotations: dict[str, str] = {}
        self.subscription: Subscription | None = None

    def log(self, pod: str, query: dict[str, str]) -> FakeResponse:
        self.asked.append((pod, dict(query)))
        return self.answers.pop(0)

    def pod(self, name: str) -> Resource:
        return {"metadata": {"name": name, "annotations": self.annotations}}

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        self.subscription = subscription
        for number, found in enumerate(self.changes, 2):
            if found is not None:
                subscription.put(found["metadata"]["name"], number, found)
        return lambda: None
