"""Two leaders of one workflow, on an API server in memory, and what happens to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from djangotasks_api.names import API_VERSION, TASK_PLURAL, WORKFLOW_KIND, WORKFLOW_PLURAL
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_api.workflow.stored import records_of
from tests.unit.crds.workflow.specification import Succeeds
from tests.unit.crds.workflow.specs import Spec, result_of
from tests.unit.operator.model.replica import Replica
from tests.unit.operator.model.server import KINDS, ApiServer, Clock, Event

NAME = "flow"
# Weighted, so that stories get somewhere: a rest is all that a replica can do without another event or time.
WHAT = ["rest", "finish"] * 4 + ["work", "go on"] * 2 + ["see", "fail", "crash", "delete", "time"]
SECONDS = (0.1, 1, 1, 5, 30)
# For so long a leader that lost its Lease may still write (RENEW_DEADLINE), and its last request be on its way.
LEASE_SECONDS = 25.0
TURNS_MAX = 400


class World:
    """Both replicas lead, as for a moment when one takes over from the other. One that knows less than the API server,
    or has a request on its way, for longer than a Lease allows does not lead any more, and starts again.

    Tasks wait for a queue that is not there, until they are finished by hand."""

    def __init__(self, spec: Spec, succeeds: Succeeds, lengths: dict[str, int | None]) -> None:
        # Tasks that would expire at once, if nothing needed them.
        steps = [step | {"policy": {"ttlSecondsAfterFinished": 0}} for step in spec["steps"]]
        self.plan = Plan.of(spec)
        self.succeeds, self.lengths = succeeds, lengths
        self.server = ApiServer(Clock())
        body = {"apiVersion": API_VERSION, "kind": WORKFLOW_KIND, "metadata": {"name": NAME}}
        self.server.create(WORKFLOW_PLURAL, body | {"spec": spec | {"steps": steps, "queue": "missing"}})
        self.replicas = [Replica(self.server, leads=True), Replica(self.server, leads=True)]
        self.behind_since: list[float | None] = [None, None]
        self.deleted: set[str] = set()
        """The names of the tasks that somebody deleted before their end was recorded, or while a leader may not know
        that it is: they may run again."""
        self.removals = 0

    # --- What happens

    def step(self, what: str, number: int) -> None:
        replica = self.replicas[number % 2]
        match what:
            case "time":
                self.pass_time(SECONDS[number % len(SECONDS)])
            case "finish":
                self.finish(number)
            case "delete":
                self.delete(number)
            case "cancel":
                self.server.update(WORKFLOW_PLURAL, NAME, {"spec": {"cancel": True}})
            case "crash":
                self.crash(number % 2)
            case "see":
                replica.see_all()
            case "rest":
                while replica.see_all() or replica.drain():
                    pass
            case "work":
                replica.begin_work()
            case _:
                if replica.running:
                    (replica.fail if what == "fail" else replica.step)(number // 2 % len(replica.running))

    def crash(self, index: int) -> None:
        self.replicas[index].close()
        self.replicas[index] = Replica(self.server, leads=True)
        self.behind_since[index] = None

    def pass_time(self, seconds: float) -> None:
        now = self.server.clock.seconds()
        for index, replica in enumerate(self.replicas):
            behind = bool(replica.running) or any(replica.unseen(plural) for plural in KINDS)
            since = self.behind_since[index]
            self.behind_since[index] = since = (now if since is None else since) if behind else None
            if since is not None and now + seconds - since > LEASE_SECONDS:
                self.crash(index)
        self.server.clock.advance(seconds)

    def finish(self, number: int) -> None:
        """One of the tasks that are not over ends as its fate has it."""
        waiting = [body for body in self.server.list(TASK_PLURAL) if body["status"]["phase"] == "Queued"]
        if not waiting:
            return
        body = waiting[number % len(waiting)]
        step, number = task_of(body)
        status: dict[str, Any] = {"phase": "Failed", "reason": "TaskError", "finishedAt": self.server.clock.stamp()}
        if (chunk := body["spec"].get("chunk")) is not None:
            status |= self.chunk_end(step, number, chunk, json.loads(body["spec"]["payload"]))
        elif self.succeeds(step, number):
            args = json.loads(body["spec"]["payload"])["args"]
            result = json.dumps(result_of(step, number, args, self.lengths[step]))
            status |= {"phase": "Succeeded", "reason": None, "result": result}
        self.server.update(TASK_PLURAL, body["metadata"]["name"], {"status": status})

    def chunk_end(self, step: str, number: int, chunk: Any, payload: Any) -> dict[str, Any]:
        """How a chunk ends, item by item."""
        first = self.plan.graph[step].indexes_of(number, None).start
        wanted = Indexes.parse(chunk["only"]) if "only" in chunk else Indexes.below(chunk["size"])
        good = Indexes(place for place in wanted if self.succeeds(step, first + place))
        values = [
            result_of(step, first + place, [item, *payload["args"]], self.lengths[step]) if place in good else None
            for place, item in enumerate(payload["each"])
        ]
        if len(good) == len(wanted):
            return {"phase": "Succeeded", "reason": None, "result": json.dumps(values)}
        return {"items": {"completed": str(good), "failed": ""}, "result": json.dumps(values)}

    def delete(self, number: int) -> None:
        """Not those whose result a later step may take."""
        taken = {found.get("step") for step in self.plan.steps.values() for found in step["inputs"]}
        taken |= {source for step in self.plan.graph for source in (step.over, step.each)}
        free = [body for body in self.server.list(TASK_PLURAL) if task_of(body).step not in taken]
        if free:
            body = free[number % len(free)]
            if not self.is_recorded(task_of(body)) or self.is_busy():
                self.deleted.add(body["metadata"]["name"])
            self.removals += 1
            self.server.remove(TASK_PLURAL, body["metadata"]["name"])

    def run(self) -> None:
        """To the end, with nothing going wrong any more."""
        for number in range(TURNS_MAX):
            while any([*(r.see_all() for r in self.replicas), *(r.drain() for r in self.replicas)]):
                pass
            if self.phase.is_terminal:
                return
            self.finish(number)
            self.server.clock.advance(5)
        raise AssertionError(f"no end: {self.status}")

    def close(self) -> None:
        for replica in self.replicas:
            replica.close()

    # --- What is seen

    def is_busy(self) -> bool:
        """Whether a replica has not seen all that there is, or is about to do something."""
        return any(r.running or r.has_work() or any(r.unseen(plural) for plural in KINDS) for r in self.replicas)

    @property
    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.server.get(WORKFLOW_PLURAL, NAME).get("status", {})
        return status

    @property
    def phase(self) -> WorkflowPhase:
        return WorkflowPhase(self.status.get("phase", WorkflowPhase.PENDING))

    def is_recorded(self, task: StepTask) -> bool:
        record = records_of(self.plan.graph, self.status.get("steps", {})).get(task.step)
        if record is None:
            return False
        indexes = self.plan.graph[task.step].indexes_of(task.number, record.width)
        return all(index in record.completed or index in record.failed for index in indexes)

    def created(self) -> Iterator[tuple[StepTask, dict[str, Any]]]:
        """Every task that ever was, with the status of the workflow that was stored when it was created."""
        status: dict[str, Any] = {}
        for event in self.server.events:
            if event.plural == WORKFLOW_PLURAL:
                status = event.body.get("status", {})
            elif is_new_task(event):
                yield task_of(event.body), status


def task_of(body: Any) -> StepTask:
    part = body["spec"]["workflow"]
    return StepTask(part["step"], part.get("index", 0))


def is_new_task(event: Event) -> bool:
    return (event.plural, event.type) == (TASK_PLURAL, "ADDED")
