"""An operator with a workflow: a test says how tasks end, without pods."""

from __future__ import annotations

import json
from typing import Any

from djangotasks_api.names import API_VERSION, TASK_PLURAL, WORKFLOW_KIND, WORKFLOW_PLURAL
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_operator.controllers.flow import STATUS_SECONDS
from tests.unit.operator.harness import InMemoryOperator, make_operator

Object = dict[str, Any]
NAME = "flow"


def step(name: str, *args: Any, inputs: dict[str, str | None] | None = None, **fields: Any) -> Object:
    """A step. `inputs`: where in its arguments the result of which step goes; None for the item."""
    found = [{"into": into} | ({} if source is None else {"step": source}) for into, source in (inputs or {}).items()]
    payload = json.dumps({"args": args, "kwargs": {}}, separators=(",", ":"))
    return {"name": name, "task": f"shop.tasks.{name}", "payload": payload, "inputs": found, **fields}


def mapped(count: int) -> Object:
    """A list for a step to map over."""
    return {"name": "list", "items": json.dumps(list(range(count)))}


class WorkflowStage:
    def __init__(
        self,
        *steps: Object,
        operator: InMemoryOperator | None = None,
        name: str = NAME,
        deliver: bool = True,
        labels: dict[str, str] | None = None,
        **spec: Any,
    ) -> None:
        self.operator = operator or make_operator()
        self.name = name
        body = {
            "apiVersion": API_VERSION,
            "kind": WORKFLOW_KIND,
            "metadata": {"name": name, "labels": labels or {}},
            "spec": {"steps": list(steps), **spec},
        }
        self.operator.server.create(WORKFLOW_PLURAL, body)
        if deliver:
            self.deliver()

    def deliver(self) -> None:
        """Let the operator see what has changed, and do what follows, also what it does once a second."""
        self.operator.relist()
        self.operator.drain()
        self.operator.wait(STATUS_SECONDS)

    @property
    def status(self) -> Any:
        return self.operator.server.get(WORKFLOW_PLURAL, self.name).get("status", {})

    @property
    def phase(self) -> WorkflowPhase:
        return WorkflowPhase(self.status.get("phase", WorkflowPhase.PENDING))

    def phases(self) -> dict[str, str]:
        """The phase of each step, with its reason where it has one."""
        steps = self.status.get("steps", {})
        return {name: " ".join(filter(None, (has["phase"], has.get("reason")))) for name, has in steps.items()}

    def tasks(self) -> list[str]:
        """The tasks that exist and are not over, without the workflow's name."""
        bodies = self.operator.server.list(TASK_PLURAL)
        return sorted(
            body["metadata"]["name"].removeprefix(f"{self.name}-")
            for body in bodies
            if body["spec"]["workflow"]["name"] == self.name
            and body.get("status", {}).get("phase") not in ("Succeeded", "Failed", "Cancelled")
        )

    def payload(self, task: str) -> str:
        text: str = self.spec(task)["payload"]
        return text

    def spec(self, task: str) -> Object:
        spec: Object = self.operator.server.get(TASK_PLURAL, f"{self.name}-{task}")["spec"]
        return spec

    def end(self, task: str, result: str | None = "null", left: Object | None = None, *, deliver: bool = True) -> None:
        """End a task: with a result as JSON text, or in a failure (None). `left`: what a chunk that failed has left."""
        stamp = self.operator.clock.stamp()
        status: Object = {"finishedAt": stamp, "phase": "Failed" if result is None else "Succeeded"}
        if result is None:
            status |= {"reason": "TaskError", "message": "ValueError: no", **(left or {})}
        else:
            status["result"] = result
        self.operator.server.update(TASK_PLURAL, f"{self.name}-{task}", {"status": status})
        if deliver:
            self.deliver()

    def retry(self, name: str, *steps: Object, **spec: Any) -> WorkflowStage:
        """A workflow that retries this one, with its steps where no others are given."""
        body = self.operator.server.get(WORKFLOW_PLURAL, self.name)
        known = {field: value for field, value in body["spec"].items() if field in ("lists", "output", "queue")}
        retry_of = {"name": self.name, "uid": body["metadata"]["uid"]}
        spec = known | {"retryOf": retry_of} | spec
        return WorkflowStage(*(steps or body["spec"]["steps"]), operator=self.operator, name=name, **spec)

    def exists(self) -> bool:
        return (WORKFLOW_PLURAL, self.name) in self.operator.server.objects

    def finished(self) -> list[str]:
        """The tasks that exist and are over, without the workflow's name."""
        names = {body["metadata"]["name"] for body in self.operator.server.list(TASK_PLURAL)}
        prefix = f"{self.name}-"
        return sorted({name.removeprefix(prefix) for name in names if name.startswith(prefix)} - set(self.tasks()))

    def change(self, **spec: Any) -> None:
        self.operator.server.update(WORKFLOW_PLURAL, self.name, {"spec": spec})
        self.deliver()

    def delete_task(self, task: str) -> None:
        self.operator.server.remove(TASK_PLURAL, f"{self.name}-{task}")
        self.deliver()
