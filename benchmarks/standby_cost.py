"""`standby_cost`, `standby_idle`: what standby pods use while they wait. Their processes are this machine's, where the
cluster is a native one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.django_project import EXAMPLE, SETTINGS
from benchmarks.figures import Figure
from benchmarks.operator_counters import Counters
from benchmarks.process import Usage, core_share
from benchmarks.samples import median
from benchmarks.warm_queues import add_queue
from tools.cluster import ProviderError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

PODS = 10
SECONDS = 60.0
RSS_TARGET = 1.1
CPU_TARGET = 0.05
BASELINE = "import django; django.setup(); import shop.probes; print('ready', flush=True); input()"
RUNNER = b"django_tasks_kubernetes.runner"
VARIABLE = b"DJANGOTASKS_STANDBY="


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    pods = runs or PODS
    add_queue(site, "idle", least=pods, most=pods)
    pids = waiting()
    if len(pids) < pods:
        raise ProviderError("The processes of pods are not visible here: measure this on a native cluster.")
    site.progress.say("standby_cost", f"{len(pids)} processes that wait, {SECONDS:.0f} s")
    counters = Counters.of_pods(site)
    operator_before, before = counters.read(), {pid: Usage.of(pid) for pid in pids}
    time.sleep(SECONDS)
    after = {pid: Usage.of(pid) for pid in pids}
    operator = counters.read().since(operator_before)
    yield Figure(
        name="standby_cost",
        value=median([usage.rss for usage in after.values()]),
        unit="MiB",
        baseline=set_up_rss(),
        target=RSS_TARGET,
        extra={"n": len(pids)},
    )
    each = [100 * core_share(before[pid], after[pid]) for pid in pids]
    yield Figure(
        name="standby_idle",
        value=sum(each) / len(each),
        unit="% of a core",
        target=CPU_TARGET,
        target_of="value",
        extra={"operator": 100 * operator.cpu / operator.seconds, "n": len(pids), "seconds": operator.seconds},
    )


def waiting() -> list[int]:
    """The processes of standby pods: of each the one that waits, and not PID 1 of its container, which reaps."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and RUNNER in (folder / "cmdline").read_bytes():
                variables = (folder / "environ").read_bytes().split(b"\0")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if any(variable.startswith(VARIABLE) for variable in variables):
                    found[int(folder.name)] = parent
        except OSError:
            continue
    return [pid for pid in found if pid not in found.values()]


def set_up_rss() -> float:
    """MiB of a process that has set Django up, and imported the task's module."""
    environ = os.environ | SETTINGS | {"PYTHONPATH": str(EXAMPLE)}
    process = subprocess.Popen(
        [sys.executable, "-c", BASELINE], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return Usage.of(process.pid).rss
    finally:
        process.communicate(b"\n")
