"""The operator, in_memory() and LocalBackend agree on every workflow (W10): the phase, reason and indexes of each step,
the arguments and the result of each task, and the output.

The same graph with the same fates runs three times: by the operator's controllers on an API server in memory, in which
tasks end in any order; and by each backend, whose tasks are called.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

from django.tasks import TaskContext, task, task_backends
from django.test import override_settings
from hypothesis import given

from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows.result import WorkflowResult
from django_tasks_kubernetes.workflows.service import WorkflowService
from djangotasks_api.names import TASK_PLURAL, WORKFLOW_KIND, WORKFLOW_PLURAL
from djangotasks_api.workflow.graph import Graph
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_api.workflow.stored import records_of
from tests.unit.backend.workflows.flows import LOCAL
from tests.unit.crds.workflow.specs import Spec, result_of, specs
from tests.unit.crds.workflow.test_engine_properties import FAILING, SEEDS, fate, lengths_of
from tests.unit.operator.workflow_stage import NAME, WorkflowStage

ROUNDS_MAX = 200

type Fate = Callable[[str, int, list[Any]], Any]
"""What a call returns, by its step, its index and its arguments; or raises."""


@dataclass
class Fates:
    """Of the tasks that are called."""

    of: Fate
    chunks: Mapping[str, int | None] = field(default_factory=dict)
    """Of each step, how many items a task has."""
    calls: Counter[str] = field(default_factory=Counter)
    """Of each task."""


FATES = Fates(lambda step, index, args: None)


@task(takes_context=True)
def act(context: TaskContext[..., Any], *args: Any) -> Any:
    """Do what the fate of this task is. Its name says which it is."""
    name = context.task_result.id
    step, _, number = name.removeprefix(f"{NAME}-").partition("-")
    index = int(number or 0)
    if (chunk := context.task_result.chunk) is not None:  # type: ignore[attr-defined]  # of this backend's results
        index = index * (FATES.chunks[step] or 1) + list(chunk.wanted)[FATES.calls[name]]
        FATES.calls[name] += 1
    return FATES.of(step, index, list(args))


@dataclass(frozen=True)
class End:
    """What must not depend on who ran it. Of tasks: their phase, arguments and result; of steps: their records."""

    phase: str
    reason: str | None
    steps: dict[str, tuple[Any, ...]]
    tasks: dict[str, tuple[Any, ...]]
    output: Any


def end_of(workflow: Mapping[str, Any], tasks: Sequence[Mapping[str, Any]], output: Any) -> End:
    plan, status = Plan.of(workflow["spec"]), workflow["status"]
    records = records_of(plan.graph, status["steps"])
    return End(
        status["phase"],
        status.get("reason"),
        {
            name: (record.phase, record.reason, record.width, str(record.completed), str(record.failed))
            for name, record in records.items()
        },
        {
            body["metadata"]["name"]: (
                str(body["status"]["phase"]),
                body["spec"]["payload"],
                body["status"].get("result"),
                body["spec"].get("chunk"),
                completed_of(body),
            )
            for body in tasks
        },
        output,
    )


def completed_of(body: Mapping[str, Any]) -> str | None:
    items = body["status"].get("items")
    return None if items is None else str(items["completed"])


def output_of(result: WorkflowResult[Any]) -> Any:
    return result.return_value if result.phase is WorkflowPhase.SUCCEEDED else None


def by_the_operator(spec: Spec, fates: Fate, order: random.Random) -> End:
    stage = WorkflowStage(*spec["steps"], **{name: part for name, part in spec.items() if name != "steps"})
    server, plan = stage.operator.server, Plan.of(spec)
    for _ in range(ROUNDS_MAX):
        if stage.phase.is_terminal:
            break
        waiting = stage.tasks()
        for name in order.sample(waiting, order.randint(1, len(waiting))):
            stage.end(name, *outcome_of(plan.graph, name, stage, fates), deliver=False)
        stage.deliver()
    workflow, tasks = dict(server.get(WORKFLOW_PLURAL, NAME)), server.list(TASK_PLURAL)
    store = SimpleNamespace(get=lambda name: server.get(TASK_PLURAL, name), find=lambda _: server.list(TASK_PLURAL))
    service = replace(WorkflowService.of(task_backends["default"]), store=lambda: store)
    return end_of(workflow, tasks, output_of(WorkflowResult(workflow, service)))


def outcome_of(graph: Graph, name: str, stage: WorkflowStage, fates: Fate) -> tuple[str | None, Any]:
    """The result of a task, None where it failed; and of a chunk that failed what its items have returned."""
    step, _, number = name.partition("-")
    payload = json.loads(stage.payload(name))
    if (items := payload.get("each")) is None:
        try:
            return text_of(fates(step, int(number or 0), payload["args"])), None
        except ValueError:
            return None, None
    first = graph[step].indexes_of(int(number), None).start
    texts: dict[int, str] = {}
    only = stage.spec(name)["chunk"].get("only")
    wanted = Indexes.below(len(items)) if only is None else Indexes.parse(only)
    for place in wanted:
        with suppress(ValueError):
            texts[place] = text_of(fates(step, first + place, [items[place], *payload["args"]]))
    listed = f"[{','.join(texts.get(place, 'null') for place in range(len(items)))}]"
    if len(texts) == len(wanted):
        return listed, None
    return None, {"items": {"completed": str(Indexes(texts)), "failed": ""}, "result": listed}


def text_of(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def by_a_backend(spec: Spec, fates: Fate, run: Callable[[], object]) -> End:
    """By that of `default`. `run`: runs what was created."""
    FATES.of = fates
    FATES.chunks = {step.name: step.chunk for step in Plan.of(spec).graph}
    FATES.calls.clear()
    store = task_backends["default"].store  # type: ignore[attr-defined]  # of this backend
    steps = [step | {"priority": 0} for step in spec["steps"]]
    body = {"kind": WORKFLOW_KIND, "metadata": {"name": NAME}, "spec": spec | {"backend": "default", "steps": steps}}
    store.workflows.create(body)
    run()
    found = WorkflowService.of(task_backends["default"]).get(NAME)
    return end_of(store.workflows.resources[NAME], list(store.resources.values()), output_of(found))


@contextmanager
def local_backend() -> Iterator[None]:
    with override_settings(TASKS=LOCAL):
        backend: Any = task_backends["default"]
        backend.clear()
        yield
        backend.clear()


@given(specs(task=f"{__name__}.act"), SEEDS, FAILING)
def test_the_three_executions_agree(spec: Spec, seed: int, failing: float) -> None:
    succeeds, lengths = fate(seed, failing), lengths_of(Plan.of(spec).graph, seed)

    def fates(step: str, index: int, args: list[Any]) -> Any:
        if not succeeds(step, index):
            raise ValueError("no")
        return result_of(step, index, args, lengths[step])

    with local_backend():
        operators = by_the_operator(spec, fates, random.Random(seed))
        local = by_a_backend(spec, fates, lambda: None)
        with in_memory() as cluster:
            memory = by_a_backend(spec, fates, cluster.run_pending)
    assert local == operators
    assert memory == operators
