"""Holds, and a store of them in memory."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from django_tasks_kubernetes.cli.hold_session import HoldSession
from django_tasks_kubernetes.cli.output import Output, OutputFormat
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import HoldDoesNotExist, HoldRefused

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def hold_resource(queue: str = "reports", **spec: Any) -> Resource:
    metadata = {
        "name": queue,
        "namespace": "shop",
        "uid": f"uid-{queue}",
        "resourceVersion": "1",
        "creationTimestamp": "2026-11-23T11:00:00Z",
    }
    return {"metadata": metadata, "spec": {"concurrency": 0, "by": "jane", "reason": ""} | spec}


class FakeHolds:
    """See cli.hold_session.Holds."""

    namespace = "shop"

    def __init__(self, holds: Iterable[Resource], queues: set[tuple[str, str]] | None) -> None:
        self.holds = {one["metadata"]["name"]: one for one in holds}
        self._queues = queues
        self.me: str | None = "oidc:jane"

    def now(self) -> datetime:
        return NOW

    def get(self, name: str) -> Resource:
        if name not in self.holds:
            raise HoldDoesNotExist(f"The queue {name!r} in namespace shop is not held.")
        return self.holds[name]

    def held(self, queue: str) -> Resource | None:
        return self.holds.get(queue)

    def find(self) -> Iterable[Resource]:
        return self.holds.values()

    def create(self, queue: str, spec: Mapping[str, Any]) -> Resource:
        if queue in self.holds:
            raise HoldRefused("already exists")
        self.holds[queue] = hold_resource(queue, **spec)
        return self.holds[queue]

    def replace(self, hold: Resource, spec: Mapping[str, Any]) -> Resource:
        name = hold["metadata"]["name"]
        self.holds[name] = {**hold, "spec": dict(spec)}
        return self.holds[name]

    def delete(self, resource: Resource, *, dry_run: bool = False, unchanged: bool = False) -> None:
        assert unchanged
        del self.holds[resource["metadata"]["name"]]

    def queues(self) -> set[tuple[str, str]] | None:
        return self._queues

    def has_queue(self, name: str) -> bool | None:
        return None if self._queues is None else ("shop", name) in self._queues

    def user(self) -> str | None:
        return self.me


class Held:
    """A session, and what it has written."""

    def __init__(
        self,
        *holds: Resource,
        queues: set[tuple[str, str]] | None = None,
        written: OutputFormat = OutputFormat.TABLE,
        namespaces: bool = False,
    ) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        self.store = FakeHolds(holds, queues)
        output = Output(format=written, namespaces=namespaces, stdout=self._out, stderr=self._err)
        self.session = HoldSession(holds=self.store, output=output, me="a-host")

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def err(self) -> str:
        return self._err.getvalue()
