"""`runner_overhead`: what the runner adds to a process that sets Django up and imports the task's module.

Processes on this machine, outside of the cluster: the difference is Python's doing, not the container's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.calm import Calm
from benchmarks.django_project import EXAMPLE, SETTINGS, TASK
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median, percentile
from djangotasks_api.assignment import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.cluster import Progress

PAIRS = 20
WARM_UP = 2
TARGET_MS = 50.0
BASELINE = "import django; django.setup(); import shop.probes"


@dataclass(frozen=True, slots=True)
class Process:
    """`began`: on the clock of perf_counter. `wall`: ms until it had ended. `cpu`: ms of CPU time, its own and the
    kernel's for it, which others on the machine change less."""

    began: float
    wall: float
    cpu: float


class Operator(BaseHTTPRequestHandler):
    """Takes every report, as the operator does. `times`: when an outcome was there."""

    times: list[float]

    def do_POST(self) -> None:
        # The report of the start is not waited for: it may break off as the process ends.
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/outcome"):
            assert json.loads(body)["result"] == "3", body
            self.times.append(time.perf_counter())
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not a word."""


def measure(progress: Progress, runs: int | None = None) -> Iterator[Figure]:
    pairs = runs or PAIRS
    with task_processes() as run:

        def with_runner() -> tuple[Process, float]:
            return run({})

        def without() -> Process:
            return _run(["-c", BASELINE], environ())

        # Also compiles the bytecode, which images hold.
        interleaved(WARM_UP, with_runner, without)
        progress.say("runner_overhead", f"{pairs} pairs of one process with the runner and one without")
        samples, baseline = interleaved(pairs, with_runner, without, before=Calm())
    walls, bare_walls = [process.wall for process, _ in samples], [process.wall for process in baseline]
    cpu = median([process.cpu for process, _ in samples]) - median([process.cpu for process in baseline])
    yield Figure(
        name="runner_overhead",
        value=median(walls) - median(bare_walls),
        unit="ms",
        baseline=median(bare_walls),
        target=TARGET_MS,
        target_of="value",
        extra={
            # Between the quartiles of the baseline: a difference that is smaller than this says little.
            "spread": percentile(bare_walls, 75) - percentile(bare_walls, 25),
            "fastest": min(walls) - min(bare_walls),
            "cpu": cpu,
            "until_outcome": median([outcome for _, outcome in samples]),
            "n": pairs,
        },
    )


@contextmanager
def task_processes() -> Iterator[Callable[[dict[str, str]], tuple[Process, float]]]:
    """A function that runs a task in a process, with more variables of its environment. Returns what it took, and ms
    until the outcome was there."""
    with _operator() as (url, times), tempfile.TemporaryDirectory() as folder:
        message = Path(folder) / "termination-log"
        message.touch()
        task = environ() | assignment(url).to_environ() | {"DJANGOTASKS_TERMINATION_LOG": str(message)}

        def run(more: dict[str, str]) -> tuple[Process, float]:
            process = _run(["-m", "django_tasks_kubernetes.runner"], task | more)
            return process, (times[-1] - process.began) * 1000

        yield run


def environ() -> dict[str, str]:
    """Of a process that has the project, and nothing of a developer's."""
    return {"PATH": os.environ["PATH"], "HOME": tempfile.gettempdir(), "PYTHONPATH": str(EXAMPLE)} | SETTINGS


def assignment(url: str) -> Assignment:
    return Assignment(
        id="0b4c5a0e-6f0e-4f0a-9b57-0c7e3f3f1c11",
        namespace="shop",
        uid="6b1f4a0e-6f0e-4f0a-9b57-0c7e3f3f1c11",
        attempt=1,
        worker_id="0b4c5a0e-6f0e-4f0a-9b57-0c7e3f3f1c11-1",
        task=TASK,
        queue="default",
        backend="default",
        priority=0,
        enqueued_at="2026-01-01T00:00:00.000000Z",
        run_after=None,
        worker_ids=(),
        started_at=None,
        url=url,
        token="0" * 64,
        payload='{"args":[1,2],"kwargs":{}}',
    )


def _run(arguments: list[str], environ: dict[str, str]) -> Process:
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], env=environ)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, f"{arguments} ended with {child.returncode}"
    return Process(began, wall * 1000, (usage.ru_utime + usage.ru_stime) * 1000)


@contextmanager
def _operator() -> Iterator[tuple[str, list[float]]]:
    times: list[float] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Operator,), {"times": times}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", times
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
