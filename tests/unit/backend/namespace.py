"""A namespace with DjangoTasks on the loopback, as its API server shows it: get, list, watch."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from copy import deepcopy
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.backend.kube.test_client import status
from tests.unit.backend.web_server import Answer, Request, Server

GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}


class Namespace:
    """`forbidden`: verbs that are refused. `hidden`: names of tasks that are. `away`: no request is answered."""

    def __init__(self, server: Server) -> None:
        self.tasks: dict[str, dict[str, Any]] = {}
        self.forbidden: set[str] = set()
        self.hidden: set[str] = set()
        self.away = False
        self.open = 0
        self._events: list[tuple[int, str, dict[str, Any]]] = []
        self._version = 100
        # Events before this are forgotten; watches of an older epoch end.
        self._oldest = 0
        self._epoch = 0
        self._closed = False
        self._changed = threading.Condition()
        self._server = server
        server.answer = self.answer

    # What tests say

    def put(self, name: str, phase: str = "Queued", *, queue: str = "default", **status: Any) -> None:
        type_ = "MODIFIED" if name in self.tasks else "ADDED"
        spec = {"task": "tests.unit.backend.tasks.echo", "queue": queue, "backend": "default"}
        self._add(type_, {"metadata": {"name": name}, "spec": spec, "status": {"phase": phase} | status})

    def delete(self, name: str) -> None:
        self._add("DELETED", self.tasks[name])

    def cut(self) -> None:
        """Ends the open watches."""
        with self._changed:
            self._epoch += 1
            self._changed.notify_all()

    def expire(self) -> None:
        """Forgets what has happened, and ends the open watches with 410."""
        with self._changed:
            self._version += 1
            self._oldest = self._version
            self._changed.notify_all()

    def close(self) -> None:
        self._closed = True
        self.cut()

    def calls(self, verb: str) -> list[Request]:
        return [request for request in list(self._server.requests) if self._verb(request) == verb]

    # How it answers

    def answer(self, request: Request) -> Answer:
        verb = self._verb(request)
        if self.away:
            return None
        if verb in self.forbidden:
            return status(403, f'User "web" cannot {verb} resource "djangotasks"')
        query = parse_qs(urlsplit(request.path).query)
        selector = query.get("fieldSelector", [""])[0]
        with self._changed:
            match verb:
                case "watch":
                    version = int(query["resourceVersion"][0])
                    if version < self._oldest:
                        return status(410, "too old")
                    return 200, self._watch(version, selector), {}
                case "list":
                    shown = [task for name, task in self.tasks.items() if name not in self.hidden]
                    items = [deepcopy(task) for task in shown if _selects(selector, task)]
                    return 200, {"metadata": {"resourceVersion": str(self._version)}, "items": items}, {}
                case _:
                    name = urlsplit(request.path).path.rpartition("/")[2]
                    if name in self.hidden:
                        return status(403, 'User "web" cannot get resource "djangotasks"')
                    if name not in self.tasks:
                        return status(404, "not found", name=name, kind="djangotasks")
                    return 200, deepcopy(self.tasks[name]), {}

    def _watch(self, version: int, selector: str) -> Iterator[dict[str, Any]]:
        epoch = self._epoch
        self.open += 1
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(
                        lambda: epoch < self._epoch or version < self._oldest or version < self._version  # noqa: B023
                    )
                    if epoch < self._epoch or self._closed:
                        return
                    if version < self._oldest:
                        yield GONE
                        return
                    later = [event for event in self._events if event[0] > version]
                    version = self._version
                for _, type_, resource in later:
                    if _selects(selector, resource):
                        yield {"type": type_, "object": resource}
        finally:
            self.open -= 1

    def _add(self, type_: str, resource: dict[str, Any]) -> None:
        with self._changed:
            self._version += 1
            resource = deepcopy(resource)
            resource["metadata"]["resourceVersion"] = str(self._version)
            name = resource["metadata"]["name"]
            if type_ == "DELETED":
                del self.tasks[name]
            else:
                self.tasks[name] = resource
            self._events.append((self._version, type_, resource))
            self._changed.notify_all()

    @staticmethod
    def _verb(request: Request) -> str:
        url = urlsplit(request.path)
        if "watch" in parse_qs(url.query):
            return "watch"
        return "list" if url.path.endswith("/djangotasks") else "get"


def _selects(selector: str, task: dict[str, Any]) -> bool:
    return selector in ("", f"spec.queue={task['spec']['queue']}")
