"""`celery_cpu`: CPU time that a task of one addition costs with Celery, beside that of a container: the price of isolation.

A worker with two processes and Django set up, on this machine. Celery comes from PyPI, into an environment of its own. The
broker and the results are files of this machine (kombu's transport `filesystem`), so nothing has to be installed; it is
polled, and what a server would use is in the worker's figure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.cpu_parts import MS_PER_TICK, pids, read
from benchmarks.django_project import EXAMPLE, SETTINGS
from benchmarks.figures import Figure
from tools.cluster import ProviderError
from tools.cluster.settings import state_folder
from tools.kubectl import StepFailed, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.cluster import Progress

CELERY = "celery==5.7.0"
TASKS = 2_000
WARM_UP = 50
PROCESSES = 2
# No aim of this project: more means that the machine, or something else, was measured.
PLAUSIBLE_MS = 20.0
DEADLINE_SECONDS = 120.0
APP = """
import os
import django
django.setup()
from celery import Celery
folder = os.environ["BENCH_FOLDER"]
app = Celery("bench", broker="filesystem://", backend=f"file://{folder}/results")
app.conf.broker_transport_options = {
    "data_folder_in": f"{folder}/queue", "data_folder_out": f"{folder}/queue", "control_folder": f"{folder}/control",
    "polling_interval": 0.05,
}
@app.task
def add(a, b):
    return a + b
"""
SEND = """
import json, sys, time
from bench_app import add
add.delay(1, 2).get(timeout=60)
for line in sys.stdin:
    began = time.process_time()
    results = [add.delay(1, 2) for _ in range(int(line))]
    seconds = time.process_time() - began
    assert all(result.get(timeout=120) == 3 for result in results)
    print(json.dumps(seconds), flush=True)
"""


def measure(progress: Progress, runs: int | None = None) -> Iterator[Figure]:
    count = runs or TASKS
    python = environment(progress)
    with tempfile.TemporaryDirectory(prefix="djangotasks-celery-") as name:
        folder = Path(name)
        for part in ("results", "queue", "control"):
            (folder / part).mkdir()
        (folder / "bench_app.py").write_text(APP)
        # With ours, for the example project's settings.
        paths = (folder, EXAMPLE, *(path for path in sys.path if path and not path.startswith(sys.base_prefix)))
        environ = os.environ | SETTINGS | {"PYTHONPATH": os.pathsep.join(map(str, paths)), "BENCH_FOLDER": name}
        with worker(python, folder, environ) as pid, sender(python, folder, environ) as send:
            send(WARM_UP)
            progress.say("celery_cpu", f"{count} tasks, {PROCESSES} processes")
            before, began = ticks(pid), time.monotonic()
            sending = send(count)
            seconds, work = time.monotonic() - began, (ticks(pid) - before) * MS_PER_TICK
    parts = {"worker": work / count, "sender": 1000 * sending / count}
    yield Figure(
        name="celery_cpu",
        value=sum(parts.values()),
        unit="ms",
        target=PLAUSIBLE_MS,
        target_of="value",
        extra={"n": count, "parts": parts, "tasks_per_second": count / seconds, "celery": CELERY, "broker": "files"},
    )


def environment(progress: Progress) -> Path:
    """The Python that has Celery. Raises ProviderError where it cannot be installed."""
    folder = state_folder() / "celery"
    python = folder / "bin" / "python"
    if not (folder / CELERY).exists():
        progress.say("celery_cpu", f"{CELERY} from PyPI")
        for command in (
            ["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            ["uv", "pip", "install", "--quiet", "--python", str(python), CELERY],
        ):
            if (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
                raise ProviderError(f"{CELERY} cannot be installed: {done.stderr[-500:]}")
        (folder / CELERY).touch()
    return python


@contextmanager
def worker(python: Path, folder: Path, environ: dict[str, str]) -> Iterator[int]:
    """Up. Yields its pid."""
    options = (
        "-A",
        "bench_app",
        "worker",
        "-c",
        str(PROCESSES),
        "-l",
        "warning",
        "--without-gossip",
        "--without-mingle",
    )
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen([python, "-m", "celery", *options], cwd=folder, env=environ, stdout=log, stderr=log)
    try:

        def is_up() -> bool | None:
            if process.poll() is not None:
                raise StepFailed((folder / "worker.log").read_text()[-2000:])
            return len(tree(process.pid)) > PROCESSES or None

        wait_for("Celery's processes", is_up, seconds=DEADLINE_SECONDS)
        yield process.pid
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


@contextmanager
def sender(python: Path, folder: Path, environ: dict[str, str]) -> Iterator[Callable[[int], float]]:
    """Yields what sends so many tasks, waits for their results, and returns the CPU seconds of sending them."""
    process = subprocess.Popen(
        [python, "-c", SEND], cwd=folder, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def send(count: int) -> float:
        stdin.write(f"{count}\n")
        stdin.flush()
        seconds: float = json.loads(stdout.readline())
        return seconds

    try:
        yield send
    finally:
        stdin.close()
        process.wait(DEADLINE_SECONDS)


def tree(pid: int) -> list[int]:
    """The process, and its children."""
    return [pid, *(one for one in pids() if (seen := read(one, is_new=False)) is not None and seen.parent == pid)]


def ticks(pid: int) -> int:
    return sum(seen.ticks for one in tree(pid) if (seen := read(one, is_new=False)) is not None)
