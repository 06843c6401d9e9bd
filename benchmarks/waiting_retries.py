"""`waiting_retry_writes`: what 1,000 attempts that wait for their time cost the API server, on fake nodes: nothing."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks import api_writes, crowd, jobs, versions
from benchmarks.fates import Fate
from benchmarks.figures import Figure
from benchmarks.process import core_share
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

TASKS = 1000
FAILING = "failing"
HOUR = 3600
# Far below any rate worth waiting for.
SLOWEST = 1.0
# What follows a failure is written when nothing has changed for so long. Events take their time: ten a second.
SETTLED_SECONDS = 10.0
IDLE_SECONDS = 30.0


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    count = options.runs or TASKS
    site.add_queue(FAILING, Fate.FAIL)
    site.progress.say("waiting_retry_writes", f"{count} tasks that fail, and wait for an hour")
    policy = {"maxAttempts": 2, "backoff": {"initialSeconds": HOUR, "factor": 1, "maxSeconds": HOUR}}
    tasks = [crowd.task(FAILING, policy=policy) for _ in range(count)]
    names, path = crowd.names_of(tasks), crowd.tasks_path(site.namespace)
    with crowd.Ends(site.kubeconfig, path, waits) as ends:
        crowd.send(site.kubeconfig, path, tasks)
        ends.wait(names, seconds=60 + count / SLOWEST)
    with crowd.Ends(site.kubeconfig, jobs.jobs_path(site.namespace), failed) as ends:
        ends.wait([f"{name}-1" for name in names], seconds=60)
    wait_for("the failures' Events have been sent", lambda: settled(site) or None, seconds=180)
    before, counted, usage = _versions(site), _writes(site), site.operator.usage()
    time.sleep(IDLE_SECONDS)
    usage_after, counted_after = site.operator.usage(), _writes(site)
    changed = versions.changed(before, _versions(site))
    yield Figure(
        name="waiting_retry_writes",
        value=len(changed),
        unit="objects",
        target=0,
        target_of="value",
        extra={
            "waiting": count,
            "kinds": dict(Counter(key.partition("/")[0] for key in changed)),
            "seconds": IDLE_SECONDS,
            "cpu_percent": core_share(usage, usage_after) * 100,
            "in_all_namespaces": api_writes.operator_part(api_writes.difference(counted_after, counted)),
        },
    )


def settled(site: FakeSite) -> bool:
    before = _versions(site)
    time.sleep(SETTLED_SECONDS)
    return not versions.changed(before, _versions(site))


def waits(task: crowd.Object) -> str | None:
    """For `crowd.Ends`: what is waited for is not the task's end."""
    return "Succeeded" if task.get("status", {}).get("phase") == "Retrying" else None


def failed(job: crowd.Object) -> str | None:
    return "Complete" if jobs.condition_of(job) == "Failed" else None


def _versions(site: FakeSite) -> versions.Versions:
    kubectl = site.cluster.kubectl(site.namespace)
    return versions.versions(kubectl) | versions.operators_events(kubectl)


def _writes(site: FakeSite) -> api_writes.Writes:
    return api_writes.parse(site.api.text("/metrics"))
