"""Two replicas of the operator, each behind a proxy of its own, and what is seen of their namespace past these."""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.crowd import tasks_path
from benchmarks.jobs import jobs_path
from benchmarks.process import Usage
from benchmarks.soak.promises import Life
from benchmarks.soak.standbys import task_of
from benchmarks.workflows import flows
from tests.support.operator import OperatorProcess
from tests.support.proxy import Proxy
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tools.cluster.cluster import Cluster

Object = dict[str, Any]
LOOK_SECONDS = 1.0


class Replica(OperatorProcess):
    """`proxy`: its only way to the API server."""

    proxy: Proxy

    def log(self) -> str:
        """What it said, and what it asked for last."""
        calls = "\n".join(f"{call.label} {call.path[:100]}: {call.status}" for call in self.proxy.calls[-10:])
        return f"{super().log()[-100_000:]}\n{calls}"

    def usage(self) -> Usage:
        assert self._process is not None
        return Usage.of(self._process.pid)


@dataclass
class World:
    """Use as a context manager. `lives`: what was seen of each task, by name; read each second. `flows`: of workflows."""

    cluster: Cluster
    kubeconfig: Path
    namespace: str
    folder: Path

    def __enter__(self) -> Self:
        self.lives: defaultdict[str, Life] = defaultdict(Life)
        self.flows: defaultdict[str, Life] = defaultdict(Life)
        self._seen: set[str] = set()
        self._seen_flows: set[str] = set()
        self.replicas: list[Replica] = []
        self._stop = threading.Event()
        self._cleanup = ExitStack()
        key = secrets.token_hex(32)
        for name in ("a", "b"):
            (folder := self.folder / name).mkdir()
            proxy = self._cleanup.enter_context(Proxy(self.cluster.kubeconfig, folder))
            lease = ("--lease", f"{self.namespace}/soak", "--resync-seconds", "60")
            replica = Replica(self.cluster, self.namespace, folder, kubeconfig=proxy.kubeconfig, options=lease, key=key)
            replica.proxy = proxy
            self._cleanup.callback(replica.close)
            replica.start()
            self.replicas.append(replica)
        thread = threading.Thread(target=self._look_on, name="looking", daemon=True)
        thread.start()
        self._cleanup.callback(thread.join)
        self._cleanup.callback(self._stop.set)
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Past all faults. The API server may have its own: then again."""

        def ask() -> tuple[int, Any] | None:
            status, answer = self.replicas[0].proxy.request(method, path, body)
            return None if status == 429 or status >= 500 else (status, answer)

        return wait_for(f"{method} {path}", ask, seconds=60)

    def items(self, path: str) -> list[Object]:
        """Of a list."""
        status, answer = self.request("GET", path)
        assert status == 200, answer
        found: list[Object] = answer["items"]
        return found

    def tasks(self) -> list[Object]:
        return self.items(tasks_path(self.namespace))

    def jobs(self) -> list[Object]:
        return self.items(jobs_path(self.namespace))

    def pods(self) -> list[Object]:
        return self.items(f"/api/v1/namespaces/{self.namespace}/pods")

    def enqueue(self, manifest: Object) -> None:
        """A new task."""
        status, answer = self.request("POST", tasks_path(self.namespace), manifest)
        assert status in (201, 409), answer
        self._seen.add(manifest["metadata"]["name"])

    def create_workflow(self, manifest: Object) -> None:
        status, answer = self.request("POST", flows.path(self.namespace), manifest)
        assert status in (201, 409), answer
        self._seen_flows.add(manifest["metadata"]["name"])

    def look(self) -> None:
        """Record the tasks and workflows that exist now."""
        known, known_flows = set(self._seen), set(self._seen_flows)
        flows_there = {item["metadata"]["name"]: item for item in self.items(flows.path(self.namespace))}
        for name, item in flows_there.items():
            self.flows[name].see(item.get("status", {}))
        for name in known_flows - flows_there.keys():
            self.flows[name].gone = True
        there = {item["metadata"]["name"]: item for item in self.tasks()}
        for pod in self.pods():
            name = pod["metadata"]["name"]
            if (task := task_of(pod)) is not None:
                self.lives[task].pods.setdefault(name, set()).add(pod["metadata"]["uid"])
        for name, item in there.items():
            self.lives[name].see(item.get("status", {}))
        for name in known - there.keys():
            self.lives[name].gone = True
        self._seen |= there.keys()

    def _look_on(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.look()
