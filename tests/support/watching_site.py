"""A site whose `watch_tasks` runs on this machine: a database, and processes that reach the API server through a proxy."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import psycopg

from tests.support.postgres import postgres
from tests.support.proxy import Proxy
from tests.support.tasks import FINISH_SECONDS, scheduled_task, wait_phase
from tools.cluster import ROOT
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLED = -signal.SIGKILL
PROCESS_SECONDS = 300.0
DISPATCH_SECONDS = FINISH_SECONDS
NOWHERE = "no-such-queue"


class Site:
    """A database, and processes of `watch_tasks` that reach the API server through a proxy."""

    def __init__(self, kubectl: Kubectl, proxy: Proxy, environ: dict[str, str], folder: Path) -> None:
        self.kubectl = kubectl
        self.proxy = proxy
        self.folder = folder
        self.environ = environ
        self._running: list[subprocess.Popen[str]] = []

    def clear(self) -> None:
        """Leave nothing of the test before, and no end that is pending."""
        for name in ("calls", "log", "die", "hang", "raise"):
            (self.folder / name).unlink(missing_ok=True)
        self.kubectl("delete", "djangotaskworkflows,djangotasks", "--all")
        self.query("DELETE FROM committed")
        self.query("DELETE FROM django_tasks_kubernetes_taskend")

    def manage(self, *arguments: str, code: int = 0, **environ: str) -> str:
        found, said = self.run(*arguments, **environ)
        assert found == code, f"{arguments} ended with {found}\n{said}"
        return said

    def run(self, *arguments: str, **environ: str) -> tuple[int, str]:
        process = self._start(*arguments, **environ)
        out, err = process.communicate(timeout=PROCESS_SECONDS)
        return process.returncode, out + err

    def watch(self) -> Watcher:
        with (self.folder / "log").open("a") as log:
            return Watcher(self._start("watch_tasks", out=log))

    def _start(self, *arguments: str, out: Any = subprocess.PIPE, **environ: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", *arguments],
            env={**os.environ, **self.environ, **environ},
            cwd=ROOT,
            stdout=out,
            stderr=out,
            text=True,
        )
        self._running.append(process)
        return process

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    def query(self, statement: str) -> list[Any]:
        port, password = self.environ["DATABASE_PORT"], self.environ["DATABASE_PASSWORD"]
        with psycopg.connect(f"host=127.0.0.1 port={port} user=shop dbname=shop password={password}") as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type, unused-ignore]
            return cursor.fetchall() if cursor.description else []

    def calls(self, event: str = "ended") -> list[dict[str, Any]]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for line in lines if (call := json.loads(line))["event"] == event]

    def committed(self) -> Counter[str]:
        """How often a receiver's writes for the end of each task were committed."""
        return Counter(task for (task,) in self.query("SELECT task FROM committed WHERE event = 'ended'"))

    def wait_committed(self, *tasks: str) -> None:
        wait_for(
            f"{len(tasks)} tasks are dispatched",
            lambda: True if set(tasks) <= self.committed().keys() else None,
            seconds=DISPATCH_SECONDS,
            why=lambda: f"{set(tasks) - self.committed().keys()}\n{self.log()[-6000:]}",
        )

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def make(self, count: int) -> list[str]:
        """Tasks that wait for a queue that is missing."""
        manifests = [scheduled_task(queue=NOWHERE) for _ in range(count)]
        self.kubectl.apply(*manifests)
        return [manifest["metadata"]["name"] for manifest in manifests]

    def cancel(self, *tasks: str) -> None:
        self.kubectl("patch", "djangotasks", *tasks, "--type=merge", "--patch", '{"spec":{"cancel":true}}')

    def end(self, count: int) -> list[str]:
        """Tasks that are cancelled, and seen to have ended so."""
        tasks = self.make(count)
        self.cancel(*tasks)
        for task in tasks:
            wait_phase(self.kubectl, task, "Cancelled")
        return tasks


@contextmanager
def watching_site(cluster: Cluster, kubectl: Kubectl, folder: Path) -> Iterator[Site]:
    """With a database of its own. `folder`: where its receivers write what they were called with."""
    with postgres(cluster, kubectl) as database, Proxy(cluster.kubeconfig, folder) as proxy:
        environ = database | {
            "DJANGO_SETTINGS_MODULE": "tests.support.hook_settings",
            "ENQUEUE": "immediate",
            "HOOKS_FOLDER": str(folder),
            "KUBECONFIG": str(proxy.kubeconfig),
            "NAMESPACE": kubectl.namespace,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(ROOT, "examples", "shop"))]),
        }
        site = Site(kubectl, proxy, environ, folder)
        from tests.support.hooks import CREATE_TABLE

        site.manage("migrate", "--verbosity=0")
        site.query(CREATE_TABLE)
        yield site
        site.close()


class Watcher:
    """One process. Stopped at the end of the block, in good order."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            # One that has only just begun to start would end by the signal itself.
            wait_for(
                "it handles signals",
                lambda: catches(self.process.pid, signal.SIGTERM) or None,
                seconds=DISPATCH_SECONDS,
            )
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(PROCESS_SECONDS) == 0

    def wait_killed(self) -> None:
        assert self.process.wait(PROCESS_SECONDS) == KILLED


def catches(pid: int, number: int) -> bool:
    """Whether a process has a handler for the signal."""
    (mask,) = re.findall(r"^SigCgt:\t(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(mask, 16) >> (number - 1) & 1)
