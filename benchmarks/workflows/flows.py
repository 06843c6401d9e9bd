"""The workflows that are measured with, and their ends."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from benchmarks import crowd
from benchmarks.crowd import Object
from djangotasks_api.names import (
    API_VERSION,
    STEP_LABEL,
    WORKFLOW_KIND,
    WORKFLOW_LABEL,
    WORKFLOW_PLURAL,
    step_task_name,
)
from djangotasks_api.workflow.records import WorkflowPhase

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.api import Api

# What a wide map has, and with --quick.
WIDTH, QUICK_WIDTH = 10_000, 60
TERMINAL = frozenset(phase.value for phase in WorkflowPhase if phase.is_terminal)


def path(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{WORKFLOW_PLURAL}"


def step(name: str, queue: str, **fields: Any) -> Object:
    """A step. It adds two numbers, where `fields` have no task and no payload."""
    own = {"task": "shop.probes.add", "payload": '{"args":[1,2],"kwargs":{}}'}
    return {"name": name, "queue": queue} | own | fields


def chain(length: int, queue: str) -> list[Object]:
    """Steps one after the other."""
    return [step(f"s{n}", queue, after=[f"s{n - 1}"] if n else []) for n in range(length)]


def mapped(name: str, queue: str, **fields: Any) -> Object:
    """A step with a task for each item of the list of `wide`."""
    return step(name, queue, map={"list": "items"}, **fields)


def workflow(*steps: Object, **spec: Any) -> Object:
    """A DjangoTaskWorkflow. Has a new name."""
    return {
        "apiVersion": API_VERSION,
        "kind": WORKFLOW_KIND,
        "metadata": {"name": f"w-{secrets.token_hex(6)}"},
        "spec": {"steps": list(steps)} | spec,
    }


def wide(width: int, *steps: Object, **spec: Any) -> Object:
    """One with a list of so many items."""
    return workflow(*steps, lists=[{"name": "items", "items": json.dumps(list(range(width)))}], **spec)


def name_of(body: Object) -> str:
    name: str = body["metadata"]["name"]
    return name


def task_of(body: Object, step: str, index: int | None = None) -> str:
    """The name of a step's task."""
    return step_task_name(name_of(body), step, index)


def create(api: Api, namespace: str, body: Object) -> None:
    api.post(path(namespace), json.dumps(body, separators=(",", ":")).encode())


def cancel(api: Api, namespace: str, body: Object) -> None:
    api.patch(f"{path(namespace)}/{name_of(body)}", {"spec": {"cancel": True}})


def end(item: Object) -> str | None:
    phase: str = item.get("status", {}).get("phase", "")
    return phase if phase in TERMINAL else None


def ends(kubeconfig: Path, namespace: str) -> crowd.Ends:
    """When workflows ended."""
    return crowd.Ends(kubeconfig, path(namespace), end)


def tasks_of(body: Object, namespace: str, step: str = "") -> str:
    """The path of the tasks of a workflow, or of one of its steps."""
    selector = f"{WORKFLOW_LABEL}={name_of(body)}" + (f",{STEP_LABEL}={step}" if step else "")
    return f"{crowd.tasks_path(namespace)}?labelSelector={selector}"


def appearances(kubeconfig: Path, path: str) -> crowd.Ends:
    """When objects are there: `Succeeded` stands for that, whatever they go on to do."""
    return crowd.Ends(kubeconfig, path, lambda _: "Succeeded")


def run(api: Api, ends: crowd.Ends, namespace: str, body: Object, seconds: float) -> float:
    """Create the workflow. Returns the seconds from that request to its end as the watch tells."""
    began = time.monotonic()
    create(api, namespace, body)
    return ends.wait([name_of(body)], seconds=seconds) - began
