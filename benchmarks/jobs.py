"""The baseline: a bare Job, left to Kubernetes' own Job controller, that does what a task's pod does."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from djangotasks_api.models import QueueSpec
from djangotasks_operator.pods.template import pod_template

if TYPE_CHECKING:
    from benchmarks.api import Api

# What the runner does, without a runner: Django, the task's module, the task.
CODE = "import django; django.setup(); from shop import probes; assert probes.add.call(1, 2) == 3"
ENDED = ("Complete", "Failed")


def bare_job(queue: dict[str, Any]) -> dict[str, Any]:
    """Its pod template is the one the operator makes of the queue's, but for the command. Has a new name."""
    spec = QueueSpec.model_validate(queue["spec"])
    template = pod_template(queue["spec"]["template"], spec).manifest
    template["spec"]["containers"][0]["command"] = ["python", "-c", CODE]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"bare-{secrets.token_hex(4)}"},
        "spec": {"backoffLimit": 0, "template": template},
    }


def jobs_path(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def create(api: Api, namespace: str, manifest: dict[str, Any]) -> None:
    api.post(jobs_path(namespace), json.dumps(manifest).encode())


def run_watched(api: Api, namespace: str, manifest: dict[str, Any]) -> float:
    """Seconds from the request that creates the Job to the event of its completion. The watch is open before."""
    path = f"{jobs_path(namespace)}?fieldSelector=metadata.name={manifest['metadata']['name']}"
    with api.watch(path) as objects:
        began = time.perf_counter()
        create(api, namespace, manifest)
        ended = next(condition for job in objects if (condition := condition_of(job)) is not None)
        seconds = time.perf_counter() - began
    assert ended == "Complete", f"the Job {manifest['metadata']['name']} in {namespace} failed"
    return seconds


def condition_of(job: dict[str, Any]) -> str | None:
    """How a Job ended: Complete or Failed, or None while it has not."""
    conditions = job.get("status", {}).get("conditions") or ()
    return next((c["type"] for c in conditions if c["type"] in ENDED and c["status"] == "True"), None)
