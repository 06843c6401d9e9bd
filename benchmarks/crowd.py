"""Many tasks, or bare Jobs, at once: sent quickly enough not to be the limit, and watched to their end."""

from __future__ import annotations

import json
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from benchmarks import jobs
from benchmarks.api import Api
from djangotasks_api.names import API_VERSION, TASK_KIND, TASK_PLURAL
from djangotasks_api.phases import Phase
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

Object = dict[str, Any]
# Senders at once. One alone would send some 100 a second.
SENDERS = 6
WATCH_SECONDS = 50
EXISTING = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
TERMINAL = frozenset(phase.value for phase in Phase if phase.is_terminal)


def tasks_path(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{TASK_PLURAL}"


def task(queue: str, **spec: Any) -> Object:
    """A DjangoTask as the backend sends it. Has a new name."""
    return {
        "apiVersion": API_VERSION,
        "kind": TASK_KIND,
        "metadata": {"name": f"t-{secrets.token_hex(6)}", "labels": {"djangotasks.dev/queue": queue}},
        "spec": {"task": "shop.probes.add", "queue": queue, "payload": '{"args":[1,2],"kwargs":{}}'} | spec,
    }


def task_end(item: Object) -> str | None:
    phase: str = item.get("status", {}).get("phase", "")
    return phase if phase in TERMINAL else None


def create(api: Api, namespace: str, manifest: Object) -> None:
    """One task, over a connection that is open."""
    api.post(tasks_path(namespace), json.dumps(manifest).encode())


def send(kubeconfig: Path, path: str, manifests: Sequence[Object]) -> None:
    """POSTs them all, several at a time."""
    at_once(kubeconfig, manifests, lambda api, manifest: api.post(path, json.dumps(manifest).encode()))


def at_once[T](kubeconfig: Path, items: Iterable[T], do: Callable[[Api, T], object]) -> None:
    """Calls it with each, several at a time, each time with a connection that nobody else uses."""
    left = iter(items)
    lock = threading.Lock()

    def sender() -> None:
        api = Api(kubeconfig)
        while True:
            with lock:
                item = next(left, None)
            if item is None:
                return
            do(api, item)

    with ThreadPoolExecutor(SENDERS) as pool:
        for done in [pool.submit(sender) for _ in range(SENDERS)]:
            done.result()


@dataclass
class Ends:
    """When each object of a namespace ended, and how, as a watch tells. Use as a context manager.

    `end_of`: how an object ended, or None while it has not. `changed`: called with every object.
    """

    kubeconfig: Path
    path: str
    end_of: Callable[[Object], str | None]
    at: dict[str, float] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._stop = threading.Event()
        opened = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(opened,), name="ends", daemon=True)
        self._thread.start()
        assert opened.wait(30), f"no watch of {self.path}"
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _run(self, opened: threading.Event) -> None:
        joint = "&" if "?" in self.path else "?"
        version = ""
        # When the server ends it, reopen it: at the last version, or with all existing objects. These come in no order
        # of versions, so that only the bookmark after them says which version they are of.
        while not self._stop.is_set():
            path = (
                f"{self.path}{joint}timeoutSeconds={WATCH_SECONDS}&allowWatchBookmarks=true&resourceVersion={version}"
            )
            ordered = bool(version)
            try:
                with Api(self.kubeconfig).watch(path if ordered else path + EXISTING) as objects:
                    opened.set()
                    for item in objects:
                        if "name" in item["metadata"]:
                            self._see(item)
                        else:
                            ordered = True  # It is a bookmark.
                        if ordered:
                            version = item["metadata"]["resourceVersion"]
                        if self._stop.is_set():
                            return
            except Exception as error:  # noqa: BLE001 - raised by wait()
                self._error, version = error, ""

    def _see(self, item: Object) -> None:
        name = item["metadata"]["name"]
        if name not in self.at and (end := self.end_of(item)) is not None:
            self.at[name], self.how[name] = time.monotonic(), end

    def wait(self, names: Sequence[str], seconds: float) -> float:
        """When the last of them ended. They must all have ended well."""

        def look() -> bool | None:
            return True if all(name in self.at for name in names) else None

        def why() -> str:
            return f"{sum(name in self.at for name in names)} of {len(names)} ended; {self._error or ''}"

        wait_for(f"{self.path}: the end of {len(names)}", look, seconds=seconds, why=why)
        ways = {self.how[name] for name in names}
        assert ways <= {"Succeeded", "Complete"}, f"{self.path}: some ended as {ways}"
        return max(self.at[name] for name in names)


def names_of(manifests: Sequence[Object]) -> list[str]:
    return [manifest["metadata"]["name"] for manifest in manifests]


def job_ends(kubeconfig: Path, namespace: str) -> Ends:
    return Ends(kubeconfig, jobs.jobs_path(namespace), jobs.condition_of)


def task_ends(kubeconfig: Path, namespace: str) -> Ends:
    return Ends(kubeconfig, tasks_path(namespace), task_end)


def pod_appearances(kubeconfig: Path, namespace: str, queue: str) -> Ends:
    """When Pods of a queue's tasks are there: `Succeeded` stands for that, whatever they go on to do."""
    path = f"/api/v1/namespaces/{namespace}/pods?labelSelector=djangotasks.dev/queue={queue}"
    return Ends(kubeconfig, path, lambda _: "Succeeded")
