"""A namespace in which tasks of all kinds have happened: what the pages show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.tasks import create_task, scheduled_task, wait_phase
from tests.support.workflows import step
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

API = "djangotasks.dev/v1alpha1"
SECONDS = 300.0


@dataclass(frozen=True)
class Populated:
    """Names."""

    failed: str
    running: str
    waiting: str
    workflow: str
    schedule: str


def populate(cluster: Cluster, kubectl: Kubectl) -> Populated:
    image = cluster.image(Target.EXAMPLE)
    small = {"resources": {"limits": {"memory": "64Mi"}}}
    kubectl.apply(
        queue_manifest("default", image, keepLog="Always"),
        queue_manifest("reports", image, container_update=small, concurrency=2),
        queue_manifest("mail", image, concurrency=4, rateLimit={"starts": 100, "periodSeconds": 60}),
        hold("mail", concurrency=0, reason="the mail server moves", by="jane"),
        schedule("nightly-report", cron=["0 2 * * 1-5"], timeZone="America/New_York"),
        schedule("poll-orders", everyMinutes=15, suspended=True),
    )
    succeeded = [create_task(kubectl, "shop.probes.add", number, 2) for number in range(6)]
    failed = [
        create_task(kubectl, "shop.probes.fail", f"A0000000{n}", policy={"maxAttempts": 2, "backoff": {"initialSeconds": 1}})
        for n in range(2)
    ]  # fmt: skip
    killed = create_task(kubectl, "shop.probes.allocate", queue="reports")
    running = create_task(kubectl, "shop.probes.say_progress", 27, 64, "orders of October", "/tmp/go")
    waiting = [create_task(kubectl, "shop.probes.echo", f"receipt {n}", queue="mail") for n in range(3)]
    kubectl.apply(report_workflow("october"))
    for task in (*succeeded, *failed, killed):
        wait_phase(kubectl, task, "Succeeded", "Failed", seconds=SECONDS)
    wait_phase(kubectl, running, "Running")
    wait_workflow(kubectl, "october", "Failed")
    kubectl("patch", "djangotask", waiting[-1], "--type=merge", "--patch", '{"spec":{"cancel":true}}')
    wait_phase(kubectl, waiting[-1], "Cancelled")
    return Populated(
        failed=failed[0], running=running, waiting=waiting[0],
        workflow="october", schedule="nightly-report",
    )  # fmt: skip


def hold(queue: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": API, "kind": "DjangoTaskHold", "metadata": {"name": queue}, "spec": spec}


def schedule(name: str, **spec: Any) -> dict[str, Any]:
    task = scheduled_task("shop.probes.add", 1, 2)["spec"]
    return {"apiVersion": API, "kind": "DjangoTaskSchedule", "metadata": {"name": name}, "spec": spec | {"task": task}}


def report_workflow(name: str) -> dict[str, Any]:
    """A statement for each of three customers, and a step after them that fails."""
    steps = [
        step("fetch", "add", 1, 2),
        step("statement", "add", 10, None, map={"list": "customers"}, inputs={"/args/1": None}, after=["fetch"]),
        step("publish", "fail", "A00000009", after=["statement"]),
        step("archive", "add", 3, 4, after=["publish"]),
        step("clean-up", "add", 5, 6, after=["archive"], runs="Always"),
    ]
    spec = {"steps": steps, "lists": [{"name": "customers", "items": "[1, 2, 3]"}], "workflow": "monthly_report"}
    return {"apiVersion": API, "kind": "DjangoTaskWorkflow", "metadata": {"name": name}, "spec": spec}


def wait_workflow(kubectl: Kubectl, name: str, *phases: str) -> None:
    def look() -> bool | None:
        return kubectl.get("djangotaskworkflow", name).get("status", {}).get("phase") in phases or None

    wait_for(f"workflow {name}: {'/'.join(phases)}", look, seconds=SECONDS)
