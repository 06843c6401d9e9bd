"""Tasks that have returned a workflow: they end as that does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.names import TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.refusals import Refusal
from djangotasks_api.task_ids import new_id
from djangotasks_api.workflow.bounds import NESTING
from djangotasks_api.workflow.retry import retried_spec
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.requested import WORKFLOW
from djangotasks_operator.workflows.views import Workflow
from tests.support.builders import NAMESPACE
from tests.unit.operator.model.calls import run
from tests.unit.operator.reports.test_task_requests import Story as Requests

STEPS = [{"name": "only", "task": "shop.tasks.a"}]
OUTPUT = {"value": "null", "inputs": [{"into": "", "step": "only"}]}


class Story(Requests):
    """A task that runs, and returns a workflow of one step."""

    def __init__(self, **queue: Any) -> None:
        super().__init__(**{"returnedWorkflows": "Allowed"} | queue)

    def create(self, **spec: Any) -> str:
        name = new_id()
        body = {
            "apiVersion": "djangotasks.dev/v1alpha1",
            "kind": "DjangoTaskWorkflow",
            "metadata": {"name": name},
            "spec": {"steps": STEPS, "output": OUTPUT, "returnedBy": {"name": "receipt"}} | spec,
        }
        run(self.requests.enqueue(self.attempt, body, WORKFLOW))
        return name

    def give_back(self, workflow: str) -> None:
        """Its function has returned it."""
        stamp = self.operator.clock.stamp()
        outcome = Outcome(started_at=stamp, finished_at=stamp, workflow=workflow)
        run(self.operator.recorder.outcome(self.attempt, Outcome.from_json(outcome.to_json())))
        self.operator.server.update("pods", "receipt-1", {"status": {"phase": "Succeeded"}})
        self.operator.relist()
        self.operator.drain()

    def end(self, workflow: str = "", result: str | None = "42") -> None:
        """Its one task ends."""
        status: dict[str, Any] = {"phase": "Failed", "reason": "TaskError", "finishedAt": self.operator.clock.stamp()}
        if result is not None:
            status |= {"phase": "Succeeded", "reason": None, "result": result}
        self.operator.server.update(TASK_PLURAL, f"{workflow}-only", {"status": status})
        self.settle()

    def settle(self) -> None:
        self.operator.relist()
        self.operator.drain()
        self.operator.wait(1)

    @property
    def phase(self) -> tuple[Phase, str | None]:
        return self.operator.status().phase, self.operator.status().reason


def test_the_task_goes_on_as_the_workflow_without_a_place_in_its_queue() -> None:
    story = Story(concurrency=1)
    name = story.create()
    story.give_back(name)
    assert story.phase == (Phase.RUNNING, Reason.WORKFLOW_RETURNED)
    assert story.operator.status().returned_workflow == name
    assert f"{name}-only-1" in story.operator.names("pods"), "the place is free"
    assert list(story.operator.store.unfinished(Key(NAMESPACE, "default"))) == [Key(NAMESPACE, f"{name}-only")]
    story.end(name)
    status = story.operator.status()
    assert (status.phase, status.result, status.reason) == (Phase.SUCCEEDED, "42", None)
    assert [condition.type for condition in status.conditions] == ["Complete"]
    assert len(status.attempts) == 1


def test_a_result_that_the_operator_has_already_is_no_other_outcome() -> None:
    story = Story()
    name = story.create()
    story.give_back(name)
    story.give_back(name)
    assert story.phase == (Phase.RUNNING, Reason.WORKFLOW_RETURNED)


def test_its_failure_is_the_tasks() -> None:
    story = Story()
    story.give_back(name := story.create())
    story.end(name, None)
    assert story.phase == (Phase.FAILED, Reason.WORKFLOW_FAILED)
    assert f"The workflow {name}, which it returned, is Failed, StepFailed" in (story.operator.status().message or "")


def test_a_task_that_is_cancelled_cancels_it_and_waits_for_its_end() -> None:
    story = Story()
    story.give_back(name := story.create())
    story.operator.server.update(TASK_PLURAL, "receipt", {"spec": {"cancel": True, "cancelReason": "enough"}})
    story.settle()
    spec = story.operator.server.get(WORKFLOW_PLURAL, name)["spec"]
    assert (spec["cancel"], spec["cancelReason"]) == (True, "enough")
    story.operator.server.update("pods", f"{name}-only-1", {"status": {"phase": "Failed"}})
    story.operator.server.remove("pods", f"{name}-only-1")
    for _ in range(4):
        story.settle()
    assert story.phase == (Phase.CANCELLED, Reason.CANCEL_REQUESTED)


def test_one_that_is_deleted_fails_the_task() -> None:
    story = Story()
    story.give_back(name := story.create())
    story.operator.server.remove(WORKFLOW_PLURAL, name)
    story.settle()
    assert story.phase == (Phase.FAILED, Reason.WORKFLOW_FAILED)
    assert "is gone" in (story.operator.status().message or "")


def test_that_of_another_task_is_none() -> None:
    story = Story()
    body = {"metadata": {"name": "foreign"}, "spec": {"steps": STEPS, "output": OUTPUT}}
    story.operator.server.create(WORKFLOW_PLURAL, body | {"status": {"phase": "Succeeded"}})
    story.give_back("foreign")
    assert story.phase == (Phase.FAILED, Reason.WORKFLOW_FAILED)


def test_a_result_is_no_larger_than_a_tasks() -> None:
    story = Story()
    twice = [{"into": "/0", "step": "only"}, {"into": "/1", "step": "only"}]
    story.give_back(name := story.create(output={"value": "[null,null]", "inputs": twice}))
    story.end(name, json.dumps("x" * (RESULT_MAX_BYTES - 10)))
    assert story.phase == (Phase.FAILED, Reason.RESULT_TOO_LARGE)


def test_it_is_kept_until_the_task_has_its_result_and_goes_with_it() -> None:
    story = Story()
    name = story.create(policy={"ttlSecondsAfterFinished": 0})
    story.operator.drain()
    story.end(name)
    story.operator.wait(60)
    assert name in story.operator.names(WORKFLOW_PLURAL), "the outcome of the task is still on its way"
    owner = story.operator.server.get(WORKFLOW_PLURAL, name)["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["uid"]) == ("DjangoTask", story.attempt.uid)
    story.give_back(name)
    assert story.operator.status().result == "42"
    story.operator.wait(60)
    assert story.operator.names(WORKFLOW_PLURAL) == []


@pytest.mark.parametrize("queue", [{"returnedWorkflows": "Refused"}, {"taskAccess": "None"}])
def test_the_queue_must_allow_it(queue: dict[str, Any]) -> None:
    story = Story(**queue)
    with pytest.raises(Exception, match=r"returnedWorkflows: Allowed|may not enqueue") as caught:
        story.create()
    assert getattr(caught.value, "reason", None) == Refusal.TASK_ACCESS
    assert story.operator.names(WORKFLOW_PLURAL) == []


def test_they_are_bounded_in_depth() -> None:
    story = Story()

    def within(depth: int) -> None:
        outer = new_id()
        by = {"name": "x", "uid": "x", "depth": depth}
        story.operator.server.create(
            WORKFLOW_PLURAL, {"metadata": {"name": outer}, "spec": {"steps": STEPS, "returnedBy": by}}
        )
        uid = story.operator.server.get(WORKFLOW_PLURAL, outer)["metadata"]["uid"]
        part = {"name": outer, "uid": uid, "step": "only"}
        name = f"{outer}-only"
        task = {"metadata": {"name": name}, "spec": {"task": "a.b", "workflow": part}, "status": {"phase": "Starting"}}
        story.operator.server.create(TASK_PLURAL, task)
        story.operator.relist()
        story.attempt = story.attempt_of(name)

    within(NESTING.most - 1)
    workflow = story.create(returnedBy={"name": story.attempt.task.name})
    found = story.operator.store.workflows.get(Key(NAMESPACE, workflow))
    assert isinstance(found, Workflow)
    assert found.depth == NESTING.most
    within(NESTING.most)
    with pytest.raises(Exception, match="deep in each other"):
        story.create(returnedBy={"name": story.attempt.task.name})


@pytest.mark.parametrize("by", [{"name": "other"}, {"name": "receipt", "uid": "x", "depth": 1}, "receipt", {}])
def test_a_pod_names_its_own_task_and_no_more(by: Any) -> None:
    story = Story()
    with pytest.raises(Exception, match=r"returnedBy may name the pod's own task"):
        story.create(returnedBy=by)


def test_it_stays_with_its_task_while_another_one_retries_it() -> None:
    """It goes with its task: https://github.com/dagster-io/dagster/issues/4087, results of the first run were gone."""
    story = Story(policy={"ttlSecondsAfterFinished": 60})
    second = {"name": "second", "task": "shop.tasks.b", "after": ["only"]}
    workflow = story.create(steps=[*STEPS, second], policy={"ttlSecondsAfterFinished": 60})
    story.give_back(workflow)
    story.end(workflow)
    server, stamp = story.operator.server, story.operator.clock.stamp()
    server.update(TASK_PLURAL, f"{workflow}-second", {"status": {"phase": "Failed", "finishedAt": stamp}})
    story.settle()
    assert story.phase == (Phase.FAILED, Reason.WORKFLOW_FAILED)
    body = server.get(WORKFLOW_PLURAL, workflow)
    spec = retried_spec(workflow, body["metadata"]["uid"], body["spec"], stamp)
    server.create(WORKFLOW_PLURAL, {"metadata": {"name": "again"}, "spec": spec})
    story.settle()
    story.operator.wait(120)
    assert {"receipt", f"{workflow}-only"} <= set(story.operator.names(TASK_PLURAL))
    server.update(TASK_PLURAL, "again-second", {"status": {"phase": "Succeeded", "finishedAt": stamp, "result": "1"}})
    story.settle()
    assert server.get(WORKFLOW_PLURAL, "again")["status"]["phase"] == "Succeeded"
    story.operator.wait(120)
    assert "receipt" not in story.operator.names(TASK_PLURAL)


def test_one_that_is_over_before_its_task_has_said_so_is_its_result() -> None:
    """Of nothing to do, and to be kept for no time: https://github.com/sidekiq/sidekiq/issues/5455."""
    story = Story()
    lists = [{"name": "none", "items": "[]"}]
    steps = [{"name": "only", "task": "shop.tasks.a", "map": {"list": "none"}}]
    workflow = story.create(steps=steps, lists=lists, policy={"ttlSecondsAfterFinished": 0})
    story.settle()
    story.operator.wait(60)
    assert story.operator.server.get(WORKFLOW_PLURAL, workflow)["status"]["phase"] == "Succeeded"
    story.give_back(workflow)
    story.settle()
    assert (story.phase, story.operator.status().result) == ((Phase.SUCCEEDED, None), "[]")


def test_it_stays_with_the_workflow_of_its_task_too() -> None:
    story = Story()
    server, outer, ttl = story.operator.server, new_id(), {"ttlSecondsAfterFinished": 60}
    server.create(WORKFLOW_PLURAL, {"metadata": {"name": outer}, "spec": {"steps": STEPS, "policy": ttl}})
    part = {"name": outer, "uid": server.get(WORKFLOW_PLURAL, outer)["metadata"]["uid"], "step": "only"}
    task = {"metadata": {"name": f"{outer}-only"}, "spec": {"task": "a.b", "workflow": part}}
    server.create(TASK_PLURAL, task | {"status": {"phase": "Starting"}})
    story.operator.relist()
    story.attempt = story.attempt_of(f"{outer}-only")
    second = {"name": "second", "task": "shop.tasks.b", "after": ["only"]}
    workflow = story.create(steps=[*STEPS, second], policy=ttl, returnedBy={"name": story.attempt.task.name})
    story.settle()
    story.end(workflow)
    failed = {"phase": "Failed", "finishedAt": story.operator.clock.stamp()}
    server.update(TASK_PLURAL, f"{workflow}-second", {"status": failed})
    server.update(TASK_PLURAL, f"{outer}-only", {"status": failed | {"returnedWorkflow": workflow}})
    story.settle()
    body = server.get(WORKFLOW_PLURAL, workflow)
    spec = retried_spec(workflow, body["metadata"]["uid"], body["spec"], story.operator.clock.stamp())
    server.create(WORKFLOW_PLURAL, {"metadata": {"name": "again"}, "spec": spec})
    story.settle()
    story.operator.wait(120)
    assert {outer, workflow} <= set(story.operator.names(WORKFLOW_PLURAL))
    server.update(TASK_PLURAL, "again-second", {"status": failed | {"phase": "Succeeded", "result": "1"}})
    story.settle()
    for _ in range(3):
        story.operator.wait(60)
    assert story.operator.names(WORKFLOW_PLURAL) == []
