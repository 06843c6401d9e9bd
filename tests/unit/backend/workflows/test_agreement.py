"""The operator, in_memory() and LocalBackend agree on every workflow (W10): the phase, reason and indexes of each step,
the arguments and the result of each task, and the output.

The same graph with the same fates runs three times: by the operator's controllers on an API server in memory, in which
tasks end in any order; and by each backend, whose tasks are called.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from django.tasks import TaskContext, task, task_backends
from django.test import override_settings
from hypothesis import given

from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows.result import WorkflowResult
from django_tasks_kubernetes.workflows.service import WorkflowService
from djangotasks_api.names import TASK_PLURAL, WORKFLOW_KIND, WORKFLOW_PLURAL
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.records import WorkflowPhase
from djangotasks_api.workflow.stored import records_of
from tests.unit.crds.workflow.specs import Spec, result_of, specs
from tests.unit.crds.workflow.test_engine_properties import FAILING, SEEDS, fate, lengths_of
from tests.unit.operator.workflow_stage import NAME, WorkflowStage

LOCAL = {"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": ["default"]}}
ROUNDS_MAX = 200

type Fate = Callable[[str, int, list[Any]], Any]
"""What a task returns, by its step, its index and its arguments; or raises."""


@dataclass
class Fates:
    """Of the tasks that are called."""

    of: Fate


FATES = Fates(lambda step, index, args: None)


@task(takes_context=True)
def act(context: TaskContext[..., Any], *args: Any) -> Any:
    """Do what the fate of this task is. Its name says which it is."""
    step, _, index = context.task_result.id.removeprefix(f"{NAME}-").partition("-")
    return FATES.of(step, int(index or 0), list(args))


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
            )
            for body in tasks
        },
        output,
    )


def output_of(result: WorkflowResult[Any]) -> Any:
    return result.return_value if result.phase is WorkflowPhase.SUCCEEDED else None


def by_the_operator(spec: Spec, fates: Fate, order: random.Random) -> End:
    stage = WorkflowStage(*spec["steps"], **{name: part for name, part in spec.items() if name != "steps"})
    server = stage.operator.server
    for _ in range(ROUNDS_MAX):
        if stage.phase.is_terminal:
            break
        waiting = stage.tasks()
        for name in order.sample(waiting, order.randint(1, len(waiting))):
            step, _, index = name.partition("-")
            try:
                value = fates(step, int(index or 0), json.loads(stage.payload(name))["args"])
            except ValueError:
                stage.end(name, None, deliver=False)
            else:
                stage.end(name, json.dumps(value, separators=(",", ":")), deliver=False)
        stage.deliver()
    workflow, tasks = dict(server.get(WORKFLOW_PLURAL, NAME)), server.list(TASK_PLURAL)
    store = SimpleNamespace(get=lambda name: server.get(TASK_PLURAL, name), find=lambda _: server.list(TASK_PLURAL))
    service = replace(WorkflowService.of(task_backends["default"]), store=lambda: store)
    return end_of(workflow, tasks, output_of(WorkflowResult(workflow, service)))


def by_a_backend(spec: Spec, fates: Fate, run: Callable[[], object]) -> End:
    """By that of `default`. `run`: runs what was created."""
    FATES.of = fates
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
