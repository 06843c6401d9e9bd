"""`list_rss`, `list_ready`, `resync_cpu`, `resync_rss`: the operator beside 2,000 finished tasks with large results.

Only the results are large, and it needs none of them: what it reads of them is its own doing.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.fake_site import QUEUE
from benchmarks.figures import Figure
from benchmarks.process import core_share
from djangotasks_api.models import Attempt, TaskStatus
from djangotasks_api.models.task_status import Condition
from djangotasks_api.names import job_name
from djangotasks_api.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.api import Api
    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

FINISHED = 2_000
RSS_TARGET_MIB = 200.0
READY_TARGET_S = 10.0
SETTLE_SECONDS = 10.0
IDLE_SECONDS = 20.0
# So many lists of everything, so often. All of them together take as long as one that is as rare as by default.
RESYNC_SECONDS = 10
RESYNCS = 6
RESYNC_CPU_TARGET_MS = 1_000.0


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    count, size = options.runs or FINISHED, options.results
    site.progress.say("backlog", f"{count} finished tasks with results of {size} bytes each")
    site.operator.stop()
    tasks = [crowd.task(QUEUE) for _ in range(count)]
    crowd.at_once(site.kubeconfig, tasks, lambda api, task: _finished(api, site.namespace, task, size))
    probe = crowd.task(QUEUE, priority=100)
    crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), [probe])
    extra = {"finished": count, "result_bytes": size}
    with crowd.pod_appearances(site.kubeconfig, site.namespace, QUEUE) as pods:
        began = time.monotonic()
        site.operator.start()
        first = pods.wait([f"{probe['metadata']['name']}-1"], seconds=120) - began
    time.sleep(SETTLE_SECONDS)
    usage = site.operator.usage()
    yield Figure(
        name="list_rss",
        value=usage.peak,
        unit="MiB",
        target=RSS_TARGET_MIB,
        target_of="value",
        extra={**extra, "after": usage.rss, "cpu_seconds": usage.cpu},
    )
    yield Figure(name="list_ready", value=first, unit="s", target=READY_TARGET_S, target_of="value", extra=extra)
    yield from _resyncs(site, extra)


def _resyncs(site: FakeSite, extra: dict[str, int]) -> Iterator[Figure]:
    """What a list of everything costs an operator that knows everything."""
    before = site.operator.usage()
    time.sleep(IDLE_SECONDS)
    idle = core_share(before, site.operator.usage())
    site.operator.stop()
    site.operator.start(options=("--resync-seconds", str(RESYNC_SECONDS)))
    time.sleep(SETTLE_SECONDS)
    forget_peak(site.operator.pid)
    start = site.operator.usage()
    time.sleep(RESYNCS * RESYNC_SECONDS)
    end = site.operator.usage()
    cost = max(0.0, end.cpu - start.cpu - idle * (end.at - start.at)) * 1000 / RESYNCS
    more = {**extra, "n": RESYNCS}
    yield Figure(name="resync_cpu", value=cost, unit="ms", target=RESYNC_CPU_TARGET_MS, target_of="value", extra=more)
    yield Figure(
        name="resync_rss",
        value=end.peak,
        unit="MiB",
        target=RSS_TARGET_MIB,
        target_of="value",
        extra={**more, "before": start.rss},
    )


def forget_peak(pid: int) -> None:
    """Let the kernel restart the count of VmHWM (https://docs.kernel.org/filesystems/proc.html)."""
    (Path("/proc") / str(pid) / "clear_refs").write_text("5")


def _finished(api: Api, namespace: str, task: crowd.Object, size: int) -> None:
    """A task that has succeeded, as the operator would have left it."""
    path, name = crowd.tasks_path(namespace), task["metadata"]["name"]
    api.post(path, json.dumps(task).encode())
    now = datetime.now(UTC)
    job = job_name(name, 1)
    status = TaskStatus(
        phase=Phase.SUCCEEDED,
        attempts=[Attempt(number=1, job=job, pod=job, started_at=now, finished_at=now, recorded_at=now)],
        started_at=now,
        finished_at=now,
        result=json.dumps("x" * (size - len('""'))),
        conditions=[Condition(type="Complete", status="True", last_transition_time=now)],
    )
    change = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    api.patch(f"{path}/{name}/status", {"status": change})
