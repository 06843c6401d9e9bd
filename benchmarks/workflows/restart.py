"""`workflow_restart`, `workflow_restart_writes`: the operator starts again beside 1,000 workflows that are half done.

A step of one more ends while no operator is there. The time from the start of the process to the task of its next step is
compared with that of a lone task that waits for the operator, beside as many lone tasks that wait.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.fake_site import QUEUE
from benchmarks.figures import Figure
from benchmarks.versions import OBJECTS, changed, versions
from benchmarks.workflows import flows
from djangotasks_api.names import WORKFLOW_PLURAL
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite
    from benchmarks.options import Options

WORKFLOWS, QUICK_WORKFLOWS = 1000, 20
HELD, SLOW, RUNS_FOR = "held", "slow", "15s"
DEADLINE_SECONDS = 600.0
AFTER_RESTART_SECONDS = 30.0
TARGET_SECONDS = 10.0


def measure(site: FakeSite, options: Options) -> Iterator[Figure]:
    count = options.runs or (QUICK_WORKFLOWS if options.quick else WORKFLOWS)
    site.add_queue(HELD, suspended=True)
    site.add_queue(SLOW, runs_for=RUNS_FOR)
    site.progress.say("workflow_restart", f"{count} lone tasks that wait, then as many workflows")
    crowd.send(site.kubeconfig, crowd.tasks_path(site.namespace), [crowd.task(HELD) for _ in range(count)])
    baseline = _lone_restart(site)
    bodies = [_half_done() for _ in range(count)]
    crowd.send(site.kubeconfig, flows.path(site.namespace), bodies)
    with flows.appearances(site.kubeconfig, crowd.tasks_path(site.namespace)) as tasks:
        tasks.wait([flows.task_of(body, "second") for body in bodies], seconds=DEADLINE_SECONDS)
    seconds, needless = _restart(site)
    extra = {"workflows": count}
    yield Figure(
        name="workflow_restart",
        value=seconds,
        unit="s",
        baseline=baseline,
        target=TARGET_SECONDS,
        target_of="value",
        extra=extra,
    )
    yield Figure(
        name="workflow_restart_writes", value=needless, unit="objects", target=0, target_of="value", extra=extra
    )


def _half_done(queue: str = HELD) -> crowd.Object:
    """Its first step ends at once; the second waits in a suspended queue, or runs for a while."""
    first, second = flows.step("first", QUEUE), flows.step("second", queue, after=["first"])
    return flows.workflow(first, second, flows.step("third", HELD, after=["second"]))


def _restart(site: FakeSite) -> tuple[float, int]:
    """Returns the seconds until the next step's task is there, and how many objects were written for nothing."""
    body = _half_done(SLOW)
    second, third = flows.task_of(body, "second"), flows.task_of(body, "third")
    flows.create(site.api, site.namespace, body)
    _wait_pod(site, second, "Running")
    site.operator.stop()
    _wait_pod(site, second, "Succeeded")
    kubectl, kinds = site.cluster.kubectl(site.namespace), (*OBJECTS, WORKFLOW_PLURAL)
    before = versions(kubectl, kinds)
    with flows.appearances(site.kubeconfig, flows.tasks_of(body, site.namespace, "third")) as tasks:
        began = time.monotonic()
        site.operator.start()
        seconds = tasks.wait([third], seconds=DEADLINE_SECONDS) - began
    time.sleep(AFTER_RESTART_SECONDS)
    written = changed(before, versions(kubectl, kinds))
    return seconds, sum(flows.name_of(body) not in key for key in written)


def _lone_restart(site: FakeSite) -> float:
    """Seconds until the Pod of a task that waited for the operator."""
    site.operator.stop()
    manifest = crowd.task(QUEUE)
    crowd.create(site.api, site.namespace, manifest)
    with crowd.pod_appearances(site.kubeconfig, site.namespace, QUEUE) as pods:
        began = time.monotonic()
        site.operator.start()
        return pods.wait([f"{manifest['metadata']['name']}-1"], seconds=DEADLINE_SECONDS) - began


def _wait_pod(site: FakeSite, task: str, phase: str) -> None:
    path = f"/api/v1/namespaces/{site.namespace}/pods?labelSelector=djangotasks.dev/task={task}"

    def look() -> bool | None:
        return any(pod["status"].get("phase") == phase for pod in site.api.get(path)["items"]) or None

    wait_for(f"the pod of {task} is {phase}", look, seconds=DEADLINE_SECONDS)
