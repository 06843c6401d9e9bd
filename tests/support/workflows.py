"""What stories do with workflows: make them by hand, wait for what becomes of them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.support.tasks import FINISH_SECONDS
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tests.support.stage import Stage

Status = dict[str, Any]
WORKFLOWS = "/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotaskworkflows"


def step(
    name: str, task: str, *args: Any, inputs: dict[str, str | None] | None = None, **fields: Any
) -> dict[str, Any]:
    """A step. `inputs`: where in its arguments the result of which step goes; None for the item."""
    found = [{"into": into} | ({"step": source} if source else {}) for into, source in (inputs or {}).items()]
    payload = json.dumps({"args": args, "kwargs": {}})
    return {"name": name, "task": f"shop.probes.{task}", "payload": payload, "inputs": found, **fields}


def create(stage: Stage, *steps: dict[str, Any], **spec: Any) -> str:
    name = f"flow-{secrets.token_hex(4)}"
    body = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskWorkflow",
        "metadata": {"name": name},
        "spec": {"steps": steps} | spec,
    }
    stage.request("POST", WORKFLOWS, body)
    return name


def change(stage: Stage, name: str, **spec: Any) -> None:
    stage.request("PATCH", f"{WORKFLOWS}/{name}", {"spec": spec})


def status_of(stage: Stage, name: str) -> Status:
    status: Status = stage.request("GET", f"{WORKFLOWS}/{name}").get("status", {})
    return status


def wait_workflow(
    stage: Stage, name: str, check: Callable[[Status], object], what: str, seconds: float = FINISH_SECONDS
) -> Status:
    """The first status that passes the check."""
    last: Status = {}

    def look() -> Status | None:
        last.clear()
        last.update(status_of(stage, name))
        return last if check(last) else None

    return wait_for(f"workflow {name}: {what}", look, seconds=seconds, why=lambda: stage.tell(last))


def wait_step(stage: Stage, name: str, step: str, *phases: str) -> Status:
    """The status, once the step is in one of the phases."""
    return wait_workflow(
        stage,
        name,
        lambda status: status.get("steps", {}).get(step, {}).get("phase") in phases,
        f"{step} is {'/'.join(phases)}",
    )


def finish(stage: Stage, name: str, seconds: float = FINISH_SECONDS) -> Status:
    """Its status, once it is over."""
    return wait_workflow(
        stage, name, lambda status: status.get("phase") in ("Succeeded", "Failed", "Cancelled"), "is over", seconds
    )


def await_task(stage: Stage, name: str) -> None:
    wait_for(f"the task {name}", lambda: name in stage.statuses() or None, seconds=FINISH_SECONDS, why=stage.tell)


def phases(status: Status) -> dict[str, str]:
    return {name: step["phase"] for name, step in status["steps"].items()}
