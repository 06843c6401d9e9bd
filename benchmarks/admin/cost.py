"""What the pages cost those who do not look at them: bytes to a browser, and an import in each task's pod."""

from __future__ import annotations

import gzip
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.runner_overhead import environ
from benchmarks.samples import interleaved, median, percentile
from tools.cluster.images import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.cluster import Progress

STATIC = ROOT / "backend/src/django_tasks_kubernetes/static"
BYTES_TARGET, IMPORT_TARGET_MS = 20_000, 10.0
PAIRS, WARM_UP = 30, 2
# Without: the admin finds a module that registers nothing.
SETUP = """
import sys, time, types
if sys.argv[1] == "without":
    sys.modules["django_tasks_kubernetes.admin"] = types.ModuleType("django_tasks_kubernetes.admin")
import django
began = time.process_time()
django.setup()
print((time.process_time() - began) * 1000)
"""


def measure(progress: Progress, runs: int | None = None) -> Iterator[Figure]:
    yield _bytes()
    progress.say("admin", "importing in processes like a task's")
    yield _import(runs or PAIRS)


def _bytes() -> Figure:
    sizes = {path.name: _gzipped(path) for path in sorted(STATIC.rglob("*")) if path.suffix in (".js", ".css")}
    return Figure(
        name="admin_bytes",
        value=sum(sizes.values()),
        unit="bytes",
        target=BYTES_TARGET,
        target_of="value",
        extra=dict(sizes),
    )


def _import(pairs: int) -> Figure:
    """Of CPU time, which others on the machine change less. Both processes have Django's admin and its apps."""
    with_pages, without = partial(_setup_ms, "with"), partial(_setup_ms, "without")
    interleaved(WARM_UP, with_pages, without)
    samples, baseline = interleaved(pairs, with_pages, without, before=Calm())
    return Figure(
        name="admin_import",
        value=median(samples) - median(baseline),
        unit="ms",
        baseline=median(baseline),
        target=IMPORT_TARGET_MS,
        target_of="value",
        extra={"spread": percentile(baseline, 75) - percentile(baseline, 25), "n": pairs},
    )


def _setup_ms(which: str) -> float:
    found = environ() | {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "benchmarks.admin.settings"}
    done = subprocess.run(
        [sys.executable, "-c", SETUP, which],
        env=found,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return float(done.stdout)


def _gzipped(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9, mtime=0))
