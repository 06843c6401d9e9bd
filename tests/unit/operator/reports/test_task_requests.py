"""What is done for a task's pod, on the API server of the model check."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.names import API_VERSION, TASK_PLURAL
from djangotasks_api.refusals import Refusal
from djangotasks_api.task_ids import id_for, new_id
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.task_requests import CONFIRMED_SECONDS, AlreadyExists, TaskRequests
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, make_task
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import run

TASK = "shop.tasks.send_mail"
WHY = {"spec": {"cancel": True, "cancelReason": "why"}}


class Story:
    """An operator, the first attempt of a task that runs, and what is done for it."""

    def __init__(self, **queue: Any) -> None:
        self.operator: InMemoryOperator = make_operator()
        self.operator.put_queue(**queue)
        self.operator.put_task(make_task())
        self.operator.drain()
        self.requests = TaskRequests(self.operator.writer, self.operator.clock.seconds)
        self.attempt = self.attempt_of("receipt")

    def attempt_of(self, name: str, number: int = 1) -> AttemptRef:
        uid = self.operator.server.get(TASK_PLURAL, name)["metadata"]["uid"]
        return AttemptRef(Key(NAMESPACE, name), uid, number)

    def enqueue(self, name: str | None = None, *, attempt: AttemptRef | None = None, **spec: Any) -> str:
        """The name of the new task."""
        name = name or new_id()
        body = {
            "apiVersion": API_VERSION,
            "kind": "DjangoTask",
            "metadata": {"name": name},
            "spec": {"task": TASK} | spec,
        }
        run(self.requests.enqueue(attempt or self.attempt, body))
        return name

    def refusal(self, coroutine: Any) -> Refusal:
        with pytest.raises(Refused) as caught:
            run(coroutine)
        return caught.value.reason

    def end(self) -> None:
        """As another replica sees it, and this one has not yet."""
        self.operator.server.update(TASK_PLURAL, "receipt", {"status": {"phase": "Succeeded"}})


def test_a_new_task_is_created_and_known_at_once() -> None:
    story = Story()
    name = story.enqueue(queue="default")
    stored = story.operator.server.get(TASK_PLURAL, name)
    assert stored["spec"]["enqueuedBy"] == {"name": "receipt", "uid": story.attempt.uid, "attempt": 1}
    assert story.operator.store.task(Key(NAMESPACE, name)) is not None


def test_a_queue_must_exist() -> None:
    story = Story()
    assert story.refusal(story.requests.enqueue(story.attempt, body(queue="reports"))) == Refusal.QUEUE_NOT_FOUND
    story.operator.put_queue("reports")
    story.enqueue(queue="reports")


def body(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "DjangoTask",
        "metadata": {"name": new_id()},
        "spec": {"task": TASK} | spec,
    }


def test_an_attempt_that_has_ended_can_do_nothing() -> None:
    story = Story()
    name = story.enqueue()
    story.operator.server.update(TASK_PLURAL, "receipt", {"status": {"phase": "Succeeded"}})
    story.operator.relist()
    everything = [
        story.requests.enqueue(story.attempt, body()),
        story.requests.read(story.attempt, name),
        story.requests.cancel(story.attempt, name, WHY),
        story.requests.selector(story.attempt, ""),
    ]
    assert {story.refusal(each) for each in everything} == {Refusal.ATTEMPT_ENDED}
    assert story.operator.names(TASK_PLURAL) == ["receipt", name]


def test_a_replica_whose_watch_is_late_finds_out() -> None:
    story = Story()
    story.enqueue()
    story.end()
    story.operator.clock.advance(CONFIRMED_SECONDS)
    assert story.refusal(story.requests.enqueue(story.attempt, body())) == Refusal.ATTEMPT_ENDED


def test_an_attempt_that_this_replica_does_not_know_yet_is_looked_up() -> None:
    story = Story()
    story.operator.server.create(
        TASK_PLURAL, {"metadata": {"name": "new"}, "spec": {"task": TASK}, "status": {"phase": "Starting"}}
    )
    story.enqueue(attempt=story.attempt_of("new"))


def test_one_look_a_second_serves_many_requests() -> None:
    story = Story()
    requests = story.operator.api.requests
    requests.clear()
    for _ in range(10):
        story.enqueue()
    assert requests.count("get djangotasks receipt") == 1
    story.operator.clock.advance(CONFIRMED_SECONDS)
    story.enqueue()
    assert requests.count("get djangotasks receipt") == 2


def test_an_attempt_that_has_ended_is_looked_up_once_a_second_too() -> None:
    """Its token is still right, and may be used as often as before."""
    story = Story()
    story.end()
    story.operator.relist()
    requests = story.operator.api.requests
    requests.clear()
    for _ in range(10):
        assert story.refusal(story.requests.read(story.attempt, "receipt")) == Refusal.ATTEMPT_ENDED
    assert requests == ["get djangotasks receipt"]


def test_a_look_that_fails_confirms_nothing() -> None:
    story = Story()
    story.operator.api.before_request = refuse_reading
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            story.enqueue()
    assert story.operator.names(TASK_PLURAL) == ["receipt"]


def refuse_reading(request: str) -> None:
    if request.startswith("get"):
        raise OSError("away")


@pytest.mark.parametrize("number", [2, 99999])
def test_an_attempt_that_is_not_the_current_one(number: int) -> None:
    story = Story()
    attempt = story.attempt._replace(number=number)
    assert story.refusal(story.requests.enqueue(attempt, body())) == Refusal.ATTEMPT_ENDED


def test_its_own_tasks_are_read_and_cancelled_and_no_others() -> None:
    story = Story()
    own = story.enqueue()
    story.operator.put_task(make_task("foreign"))
    assert run(story.requests.read(story.attempt, own))["metadata"]["name"] == own
    assert run(story.requests.read(story.attempt, "receipt"))["metadata"]["name"] == "receipt"
    assert run(story.requests.cancel(story.attempt, own, WHY))["spec"]["cancel"] is True
    for each in (story.requests.read(story.attempt, "foreign"), story.requests.cancel(story.attempt, "foreign", WHY)):
        assert story.refusal(each) == Refusal.TASK_ACCESS
    assert not story.operator.server.get(TASK_PLURAL, "foreign")["spec"].get("cancel")
    with pytest.raises(ApiError, match="not found"):
        run(story.requests.read(story.attempt, "unknown"))


def test_a_later_attempt_has_what_an_earlier_one_has_enqueued() -> None:
    story = Story()
    own = story.enqueue()
    ended = {
        "number": 1,
        "job": "receipt-1",
        "pod": "receipt-1",
        "finishedAt": "2026-11-23T12:00:00Z",
        "reason": "Evicted",
    }
    story.operator.server.update(TASK_PLURAL, "receipt", {"status": {"phase": "Retrying", "attempts": [ended]}})
    assert run(story.requests.read(story.attempt._replace(number=2), own))["metadata"]["name"] == own


def test_a_queue_widens_it_to_the_namespace() -> None:
    story = Story(task_access="Namespace")
    story.operator.put_task(make_task("foreign"))
    assert run(story.requests.read(story.attempt, "foreign"))["metadata"]["name"] == "foreign"
    assert run(story.requests.cancel(story.attempt, "foreign", WHY))["spec"]["cancel"] is True
    assert run(story.requests.selector(story.attempt, "spec.queue=mail")) == "spec.queue=mail"


def test_what_is_listed_is_its_own() -> None:
    story = Story()
    own = f"spec.enqueuedBy.uid={story.attempt.uid}"
    assert run(story.requests.selector(story.attempt, "")) == own
    assert run(story.requests.selector(story.attempt, "spec.queue=mail")) == f"{own},spec.queue=mail"
    # A backslash at its end would take the comma behind it for a part of its value.
    assert run(story.requests.selector(story.attempt, "spec.queue!=x\\")).startswith(f"{own},")


def test_a_queue_turns_it_off() -> None:
    story = Story(task_access="None")
    everything = [
        story.requests.enqueue(story.attempt, body()),
        story.requests.read(story.attempt, "receipt"),
        story.requests.cancel(story.attempt, "receipt", WHY),
        story.requests.selector(story.attempt, ""),
    ]
    assert {story.refusal(each) for each in everything} == {Refusal.TASK_ACCESS}


@pytest.mark.parametrize(
    ("concurrency", "of_child", "selector", "warned"),
    [
        (1, "default", "", True),
        (1, "default", "spec.queue=default", True),
        (1, "default", "spec.task=a.b,spec.queue=default", True),
        (1, "default", "spec.queue=reports", False),
        (1, "reports", "", False),
        (None, "default", "", False),
    ],
)
def test_a_task_that_waits_for_its_own_queue_is_warned(
    concurrency: int | None, of_child: str, selector: str, warned: bool
) -> None:
    story = Story(**({} if concurrency is None else {"concurrency": concurrency}))
    story.operator.put_queue("reports")
    story.enqueue(queue=of_child)
    story.enqueue(queue=of_child)
    warning = story.requests.warning(story.attempt, selector)
    assert (warning is not None) is warned
    if warning is not None:
        assert "of its own queue 'default', and holds one of the 1 places" in warning
        assert "1 are taken, and 2 tasks wait" in warning


def test_a_task_that_waits_for_nothing_of_its_own_is_not_warned() -> None:
    story = Story(concurrency=1)
    story.operator.put_task(make_task("foreign"))
    assert story.requests.warning(story.attempt, "") is None
    assert story.requests.warning(AttemptRef(Key(NAMESPACE, "gone"), "u", 1), "") is None


def test_a_name_that_is_there_is_shown_to_who_enqueued_it() -> None:
    story = Story()
    name = story.enqueue()
    with pytest.raises(AlreadyExists) as caught:
        story.enqueue(name)
    assert caught.value.body["metadata"]["name"] == name


def test_the_task_of_a_key_is_shown_to_who_has_the_key() -> None:
    story, name = Story(), id_for(TASK, "order-1")
    story.operator.server.create(
        TASK_PLURAL, {"metadata": {"name": name}, "spec": {"task": TASK, "idempotencyKey": "order-1"}}
    )
    with pytest.raises(AlreadyExists) as caught:
        story.enqueue(name, idempotencyKey="order-1")
    assert caught.value.body["spec"]["idempotencyKey"] == "order-1"


def test_and_to_nobody_else() -> None:
    story, name = Story(), new_id()
    story.operator.server.create(TASK_PLURAL, {"metadata": {"name": name}, "spec": {"task": TASK}})
    with pytest.raises(ApiError, match="already exists"):
        story.enqueue(name)


def test_what_has_taken_a_name_meanwhile_is_not_cancelled() -> None:
    story = Story()
    own = story.enqueue()

    def replace(request: str) -> None:
        if request.startswith("patch"):
            server = story.operator.server
            server.remove(TASK_PLURAL, own)
            server.create(TASK_PLURAL, {"metadata": {"name": own}, "spec": {"task": TASK}})

    story.operator.api.before_request = replace
    with pytest.raises(ApiError, match="Conflict"):
        run(story.requests.cancel(story.attempt, own, WHY))
    assert not story.operator.server.get(TASK_PLURAL, own)["spec"].get("cancel")


def test_the_operator_waits_for_no_watch_to_start_it() -> None:
    story = Story()
    name = story.enqueue()
    story.operator.drain()
    assert f"{name}-1" in story.operator.names("pods")
