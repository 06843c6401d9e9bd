"""Workflows that task pods ask for: as tasks, on the API server of the model check."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import WorkflowSpec
from djangotasks_api.names import API_VERSION, TASK_PLURAL, WORKFLOW_PLURAL
from djangotasks_api.refusals import Refusal
from djangotasks_api.task_ids import id_for, new_id
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports import task_rules
from djangotasks_operator.reports.requested import WORKFLOW
from djangotasks_operator.reports.task_requests import AlreadyExists
from djangotasks_operator.reports.task_rules import Refused
from tests.support.builders import NAMESPACE
from tests.unit.operator.model.calls import run
from tests.unit.operator.reports.test_task_requests import WHY, Story
from tests.unit.operator.reports.test_task_rules import ATTEMPT, NAME

STEPS = [{"name": "first", "task": "shop.tasks.a"}, {"name": "second", "task": "shop.tasks.b", "queue": "mail"}]
PATH = "shop.flows.report"


def sent(name: str = NAME, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "DjangoTaskWorkflow",
        "metadata": {"name": name, "ownerReferences": [{"uid": "x"}], "labels": {"team": "x"}},
        "spec": {"workflow": PATH, "steps": STEPS} | spec,
    }


def test_a_new_workflow_says_who_enqueued_it_whatever_the_pod_says() -> None:
    made = task_rules.new_workflow(sent(enqueuedBy={"name": "other", "uid": "other", "attempt": 7}), ATTEMPT)
    labels = {
        "djangotasks.dev/queue": "default",
        "djangotasks.dev/enqueued-by": "receipt",
        "djangotasks.dev/in-order": "",
    }
    assert made["metadata"] == {"name": NAME, "labels": labels, "annotations": {}}
    assert made["spec"]["enqueuedBy"] == {"name": "receipt", "uid": ATTEMPT.uid, "attempt": 2}
    WorkflowSpec.model_validate(made["spec"])


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"metadata": {"name": NAME}, "spec": {}}, sent(steps=None), sent(steps={}), sent(steps=[1]),
     sent(workflow=1), sent() | {"kind": "DjangoTask"}, sent(queue=1), sent("flow"), sent(id_for("other", "k"), idempotencyKey="k")],
)  # fmt: skip
def test_what_is_no_workflow_is_refused(body: Any) -> None:
    with pytest.raises(Refused) as caught:
        task_rules.new_workflow(body, ATTEMPT)
    assert (caught.value.status, caught.value.reason) == (422, Refusal.INVALID)


def test_a_workflow_of_a_pod_is_none_of_a_schedule() -> None:
    """The schedule would wait for it: where it is suspended, for ever."""
    retry: dict[str, Any] = {"retryOf": {"name": "flow", "uid": "x"}}
    for more in ({}, retry):
        with pytest.raises(Refused, match="of a schedule is created by the operator, or by the web app"):
            task_rules.new_workflow(sent(suspended=True, schedule="nightly", **more), ATTEMPT)


def test_a_key_belongs_to_the_function() -> None:
    task_rules.new_workflow(sent(id_for(PATH, "k"), idempotencyKey="k"), ATTEMPT)
    # A chain or a group has none.
    tasks = "shop.tasks.a shop.tasks.b"
    task_rules.new_workflow(sent(id_for(tasks, "k"), idempotencyKey="k", workflow=""), ATTEMPT)
    with pytest.raises(Refused):
        task_rules.new_workflow(sent(id_for("", "k"), idempotencyKey="k", workflow=""), ATTEMPT)


def test_the_queues_of_its_steps() -> None:
    assert task_rules.workflow_queues(sent()) == {"default", "mail"}
    assert task_rules.workflow_queues(sent(queue="reports")) == {"reports", "mail"}
    with pytest.raises(Refused, match="the queue of a step"):
        task_rules.workflow_queues(sent(steps=[STEPS[0] | {"queue": 1}]))


def test_every_queue_of_a_workflow_must_exist() -> None:
    story = Story()
    with pytest.raises(Refused, match="has no DjangoTaskQueue 'mail'"):
        run(story.requests.enqueue(story.attempt, sent(), WORKFLOW))
    story.operator.put_queue("mail")
    run(story.requests.enqueue(story.attempt, sent(), WORKFLOW))
    assert story.operator.store.workflows.get(Key(NAMESPACE, NAME)) is not None


def enqueued(story: Story, name: str = NAME) -> str:
    story.operator.put_queue("mail")
    run(story.requests.enqueue(story.attempt, sent(name), WORKFLOW))
    story.operator.drain()
    return name


def test_its_tasks_are_those_of_who_enqueued_it() -> None:
    story = Story()
    name = enqueued(story)
    for task in (f"{name}-first", f"{name}-second"):
        assert run(story.requests.read(story.attempt, task))["spec"]["enqueuedBy"]["uid"] == story.attempt.uid
    assert run(story.requests.read(story.attempt, name, WORKFLOW))["metadata"]["name"] == name


def test_it_is_cancelled() -> None:
    story = Story()
    name = enqueued(story)
    run(story.requests.cancel(story.attempt, name, WHY, WORKFLOW))
    assert story.operator.server.get(WORKFLOW_PLURAL, name)["spec"]["cancel"] is True


def test_that_of_others_is_not_seen() -> None:
    story, name = Story(), new_id()
    story.operator.server.create(WORKFLOW_PLURAL, {"metadata": {"name": name}, "spec": {"steps": STEPS}})
    for request in (
        story.requests.read(story.attempt, name, WORKFLOW),
        story.requests.cancel(story.attempt, name, WHY, WORKFLOW),
    ):
        with pytest.raises(Refused, match=f"Workflow {name} was not enqueued by this task"):
            run(request)


def test_the_results_of_others_are_not_taken_over() -> None:
    story, name = Story(), new_id()
    story.operator.put_queue("mail")
    story.operator.server.create(WORKFLOW_PLURAL, {"metadata": {"name": name}, "spec": {"steps": STEPS}})
    body = sent(retryOf={"name": name, "uid": "x"})
    with pytest.raises(Refused, match=f"Workflow {name} was not enqueued by this task"):
        run(story.requests.enqueue(story.attempt, body, WORKFLOW))
    own = enqueued(story, new_id())
    run(story.requests.enqueue(story.attempt, sent(retryOf={"name": own, "uid": "x"}), WORKFLOW))
    for wrong in ({"name": "a/status"}, {"name": 1}, "x"):
        with pytest.raises(Refused, match="retryOf must name a workflow"):
            run(story.requests.enqueue(story.attempt, sent(new_id(), retryOf=wrong), WORKFLOW))


def test_an_attempt_that_has_ended_enqueues_none() -> None:
    story = Story()
    story.end()
    story.operator.relist()
    assert story.refusal(story.requests.enqueue(story.attempt, sent(), WORKFLOW)) == Refusal.ATTEMPT_ENDED


def test_a_name_that_is_there_is_shown_to_who_enqueued_it() -> None:
    story = Story()
    with pytest.raises(AlreadyExists) as caught:
        enqueued(story, enqueued(story))
    assert caught.value.body["metadata"]["name"] == NAME
    assert story.operator.names(TASK_PLURAL).count(f"{NAME}-first") == 1


def test_a_task_that_waits_for_one_is_warned_of_its_own_queue() -> None:
    story = Story(concurrency=1)
    enqueued(story)
    asked = "metadata.name=x,spec.queue=another"
    assert story.requests.warning(story.attempt, asked) is None
    warning = story.requests.warning(story.attempt, asked, WORKFLOW)
    assert warning is not None
    assert "of its own queue 'default'" in warning
