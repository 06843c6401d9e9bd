"""The DjangoTask of a step is one that the API accepts."""

from __future__ import annotations

from djangotasks_api.models import DjangoTask
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import Arguments
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.tasks import task_manifest, task_name

SPEC = {
    "lists": [{"name": "list", "items": "[1]"}],
    "steps": [
        {"name": "lone", "task": "shop.tasks.a"},
        {"name": "map", "task": "shop.tasks.b", "map": {"list": "list"}, "queue": "own", "priority": 0},
    ],
    "priority": 5,
}
BODY = {"metadata": {"name": "flow", "namespace": "shop", "uid": "3f0c"}, "spec": SPEC}
PLAN = Plan.of(SPEC)
NOW = "2026-11-23T12:00:00Z"


def test_the_tasks_of_a_map_sort_by_their_index() -> None:
    names = [task_name(PLAN, "flow", StepTask("map", number)) for number in (2, 10, 99_999)]
    assert names == ["flow-map-00002", "flow-map-00010", "flow-map-99999"]
    assert task_name(PLAN, "flow", StepTask("lone", 0)) == "flow-lone"


def test_a_step_takes_what_it_does_not_say_from_its_workflow() -> None:
    task = DjangoTask.model_validate(task_manifest(PLAN, BODY, StepTask("lone", 0), Arguments("{}"), NOW))
    assert (task.spec.queue, task.spec.priority, task.spec.backend) == ("default", 5, "default")
    assert task.spec.workflow is not None
    assert task.spec.workflow.index is None


def test_who_has_enqueued_a_workflow_has_enqueued_its_tasks() -> None:
    by = {"name": "parent", "uid": "u", "attempt": 2}
    manifest = task_manifest(
        PLAN, BODY | {"spec": SPEC | {"enqueuedBy": by}}, StepTask("lone", 0), Arguments("{}"), NOW
    )
    assert manifest["spec"]["enqueuedBy"] == by
    assert manifest["metadata"]["labels"]["djangotasks.dev/enqueued-by"] == "parent"
    assert "enqueuedBy" not in task_manifest(PLAN, BODY, StepTask("lone", 0), Arguments("{}"), NOW)["spec"]


def test_what_a_step_says_holds() -> None:
    arguments = Arguments("{}", [{"into": "/args/0", "step": "lone"}])
    task = DjangoTask.model_validate(task_manifest(PLAN, BODY, StepTask("map", 3), arguments, NOW))
    assert [(found.into, found.step, found.pointer) for found in task.spec.inputs] == [("/args/0", "lone", "")]
    assert (task.spec.queue, task.spec.priority) == ("own", 0)
    assert task.spec.workflow is not None
    assert (task.spec.workflow.step, task.spec.workflow.index) == ("map", 3)
