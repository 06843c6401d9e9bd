"""Two leaders at once, crashes at every call, calls that fail, tasks that somebody deletes: a workflow ends as its
specification says. The real controllers on the API server in memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from djangotasks_api.names import API_VERSION, TASK_PLURAL, WORKFLOW_KIND, WORKFLOW_PLURAL
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import Runs
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import StepPhase, WorkflowPhase
from djangotasks_api.workflow.stored import records_of
from tests.unit.crds.workflow.specification import Succeeds, ending, ends
from tests.unit.crds.workflow.specs import Spec, result_of, specs
from tests.unit.crds.workflow.test_engine_properties import FAILING, SEEDS, fate, lengths_of
from tests.unit.operator.model.replica import Replica
from tests.unit.operator.model.server import KINDS, ApiServer, Clock, Event

NAME = "flow"
# Weighted, so that stories get somewhere: a rest is all that a replica can do without another event or time.
WHAT = ["rest", "finish"] * 4 + ["work", "go on"] * 2 + ["see", "fail", "crash", "delete", "time"]
# Without a least size, most would be far shorter than the maximum.
STEPS = st.lists(st.tuples(st.sampled_from(WHAT), st.integers(0, 7)), min_size=30, max_size=80)
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


# All of it is over as soon as it is read, and it was cancelled before.
EMPTY: Spec = {"name": "s0", "task": "shop.tasks.a", "map": {"list": "none"}, "inputs": []}


def task_of(body: Any) -> StepTask:
    part = body["spec"]["workflow"]
    return StepTask(part["step"], part.get("index", 0))


def is_new_task(event: Event) -> bool:
    return (event.plural, event.type) == (TASK_PLURAL, "ADDED")


def check_creations(world: World) -> None:
    """W1, W2: each task once, and because of what was stored."""
    graph = world.plan.graph
    counts = Counter(event.body["metadata"]["name"] for event in world.server.events if is_new_task(event))
    assert {name for name, count in counts.items() if count > 1} <= world.deleted
    for task, status in world.created():
        records, step = records_of(graph, status.get("steps", {})), graph[task.step]
        assert records[task.step].phase is StepPhase.RUNNING, f"{task} was created before that was recorded"
        assert all(records[name].phase.is_over for name in step.barriers), f"{task} was created before what it needs"
        indexes = step.indexes_of(task.number, records[task.step].width)
        before = None if step.each is None else records[step.each].completed
        assert before is None or any(index in before for index in indexes), f"{task} was created before its item"


def check_records(world: World) -> None:
    """W8: what is recorded stays, and so does the end."""
    before: dict[str, Any] = {}
    for event in world.server.events:
        if event.plural != WORKFLOW_PLURAL:
            continue
        status = event.body.get("status", {})
        assert before.get("phase") in (None, "Pending", "Running", status.get("phase"))
        for name, step in before.get("steps", {}).items():
            after = status["steps"][name]
            assert step["phase"] in ("Pending", "Running", after["phase"])
            for field in ("completedIndexes", "failedIndexes"):
                assert set(Indexes.parse(step.get(field, ""))) <= set(Indexes.parse(after.get(field, "")))
        before = status


def check_deletions(world: World) -> None:
    """W9: the operator deletes no task, however short its own TTL."""
    gone = sum((event.plural, event.type) == (TASK_PLURAL, "DELETED") for event in world.server.events)
    assert gone == world.removals


@given(specs(), SEEDS, FAILING, STEPS)
def test_a_workflow_ends_as_specified(spec: Spec, seed: int, failing: float, steps: list[tuple[str, int]]) -> None:
    graph = Plan.of(spec).graph
    succeeds, lengths = fate(seed, failing), lengths_of(graph, seed)
    world = World(spec, succeeds, lengths)
    try:
        for what, number in steps:
            world.step(what, number)
        world.run()
    finally:
        world.close()
    assert not world.server.violations, world.server.violations
    check_creations(world)
    check_records(world)
    check_deletions(world)
    expected = ends(graph, succeeds, lengths)
    assert world.phase is ending(graph, expected)
    records = records_of(graph, world.status["steps"])
    for step in graph:
        record, end = records[step.name], expected[step.name]
        assert (record.phase, record.reason) == (end.phase, end.reason)
        assert frozenset(record.completed) == end.completed
        # A step that is no map has no ranges in its status.
        assert not step.is_map or frozenset(record.failed) == end.failed


@given(specs(), SEEDS, FAILING, STEPS, STEPS)
@example({"steps": [EMPTY], "lists": [{"name": "none", "items": "[]"}]}, 0, 0, [], [("work", 0)])
def test_a_cancelled_workflow_ends_with_its_clean_up(
    spec: Spec, seed: int, failing: float, before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    """W7: and nothing of it is left running."""
    graph = Plan.of(spec).graph
    world = World(spec, fate(seed, failing), lengths_of(graph, seed))
    try:
        for what, number in [*before, ("cancel", 0), *after]:
            world.step(what, number)
        cancelled = not world.phase.is_terminal
        world.run()
    finally:
        world.close()
    assert not world.server.violations, world.server.violations
    check_creations(world)
    check_records(world)
    check_deletions(world)
    assert world.phase.is_terminal
    assert not cancelled or world.phase is WorkflowPhase.CANCELLED
    phases = {task_of(body): body["status"]["phase"] for body in world.server.list(TASK_PLURAL)}
    assert "Queued" not in phases.values()
    records = records_of(graph, world.status["steps"])
    for step in graph:
        if step.runs is Runs.ALWAYS:
            assert records[step.name].phase in (StepPhase.SUCCEEDED, StepPhase.FAILED)


def test_a_leader_that_knows_less_takes_nothing_back() -> None:
    """Two leaders for a moment: one has recorded both ends, the other has seen one."""
    spec: Spec = {
        "steps": [
            {"name": "map", "task": "shop.tasks.a", "map": {"list": "two"}, "inputs": []},
            {"name": "last", "task": "shop.tasks.a", "after": ["map"], "inputs": []},
        ],
        "lists": [{"name": "two", "items": "[1,2]"}],
    }
    world = World(spec, lambda _step, _index: True, {"map": None, "last": None})
    other = world.replicas[1]
    for number in (0, 1):
        world.step("rest", number)
    world.finish(0)
    other.see(TASK_PLURAL)
    world.finish(0)
    world.pass_time(1)
    world.step("rest", 0)
    assert world.status["steps"]["map"]["completedIndexes"] == "0-1"
    other.see(WORKFLOW_PLURAL)
    other.drain()
    world.run()
    world.close()
    check_records(world)
    check_creations(world)
