"""What a task's pod may ask for, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import DjangoTask, TaskStatus
from djangotasks_api.models.task import TaskSpec
from djangotasks_api.names import API_VERSION, REQUEST_ANNOTATION
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.refusals import Refusal
from djangotasks_api.task_ids import id_for, is_new_id, new_id
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.views import Terminated
from djangotasks_operator.reports import task_rules
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.task_rules import Refused, parse_body
from tests.support.builders import NAMESPACE, NOW, UID, at, make_attempt, make_pod, make_queue, make_task

ATTEMPT = AttemptRef(Key(NAMESPACE, "receipt"), UID, 2)
FIRST = make_attempt(1, finished_at=NOW, reason=Reason.TASK_ERROR)
NAME = "000025dd-7d89-8b7f-ab8c-e77a1e5bda83"
RANDOM = "2b7c2f6e-54f4-4c5e-8f0d-1d8a3b9f6c11"
TASK = "shop.tasks.send_mail"
FILE = {"storage": "tasks", "name": f"djangotasks/shop/{NAME}.payload.json", "size": 1, "sha256": "0" * 64}


def sent(name: str = NAME, metadata: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "DjangoTask",
        "metadata": {"name": name} | (metadata or {}),
        "spec": {"task": TASK} | spec,
    }


@pytest.mark.parametrize(
    ("what", "task", "ended"),
    [
        ("it runs", make_task(status=TaskStatus(attempts=[FIRST, make_attempt(2)])), False),
        ("its start is not written yet", make_task(status=TaskStatus(attempts=[FIRST])), False),
        ("a cancellation is asked for", make_task(status=TaskStatus(attempts=[FIRST]), cancel=True), False),
        ("it is to come", make_task(), True),
        ("it has ended", make_task(status=TaskStatus(attempts=[FIRST, make_attempt(2, finished_at=NOW)])), True),
        ("the next one runs", make_task(status=TaskStatus(attempts=[FIRST, make_attempt(2, finished_at=NOW), make_attempt(3)])), True),
        ("it is being stopped", make_task(status=TaskStatus(attempts=[FIRST, make_attempt(2, reason=Reason.DEADLINE_EXCEEDED)])), True),
        ("the task is over", make_task(status=TaskStatus(phase=Phase.CANCELLED, attempts=[FIRST])), True),
        ("the task is being deleted", make_task(status=TaskStatus(attempts=[FIRST]), deleting=True), True),
        ("another task has its name", make_task(uid="other", status=TaskStatus(attempts=[FIRST])), True),
        ("the task is gone", None, True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_attempt_has_ended(what: str, task: DjangoTask | None, ended: bool) -> None:
    assert task_rules.has_ended(task, ATTEMPT) is ended, what


ENDED = Terminated(exit_code=0, signal=0, reason="Completed", message="", finished_at=NOW)
SECOND = make_attempt(2, finished_at=NOW, recorded_at=NOW)
DONE = make_task(status=TaskStatus(phase=Phase.SUCCEEDED, attempts=[FIRST, SECOND]))


@pytest.mark.parametrize(
    ("what", "task", "pod", "seconds", "finishing"),
    [
        ("its receivers run", DONE, {}, 1, True),
        ("it failed, and is tried again", make_task(status=TaskStatus(phase=Phase.RETRYING, attempts=[FIRST, SECOND])), {}, 1, True),
        ("they take too long", DONE, {}, 31, False),
        ("its pod has ended", DONE, {"terminated": ENDED}, 1, False),
        ("its pod is over", DONE, {"phase": "Succeeded"}, 1, False),
        ("its pod is being deleted", DONE, {"deletes_by": NOW}, 1, False),
        ("it has another's pod", DONE, {"task_uid": "other"}, 1, False),
        ("it has no pod", DONE, None, 1, False),
        ("it was cancelled", make_task(status=TaskStatus(phase=Phase.CANCELLED, attempts=[FIRST, SECOND])), {}, 1, False),
        ("the next one runs", make_task(status=TaskStatus(attempts=[FIRST, SECOND, make_attempt(3)])), {}, 1, False),
        ("it has not ended", make_task(status=TaskStatus(attempts=[FIRST, make_attempt(2)])), {}, 1, False),
        ("another task has its name", make_task(uid="other", status=DONE.status), {}, 1, False),
        ("the task is being deleted", make_task(deleting=True, status=DONE.status), {}, 1, False),
        ("the task is gone", None, {}, 1, False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_an_attempt_is_finishing(
    what: str, task: DjangoTask | None, pod: dict[str, Any] | None, seconds: float, finishing: bool
) -> None:
    found = None if pod is None else make_pod(2, **pod)
    assert task_rules.is_finishing(task, found, ATTEMPT, at(seconds)) is finishing, what


@pytest.mark.parametrize(("access", "sees_all"), [(None, False), ("Own", False), ("Namespace", True)])
def test_what_a_queue_lets_its_tasks_see(access: str | None, sees_all: bool) -> None:
    spec = {} if access is None else {"task_access": access}
    assert task_rules.sees_all(make_queue(**spec), "default") is sees_all


@pytest.mark.parametrize(
    ("queue", "words"),
    [(make_queue(task_access="None"), "has taskAccess: None"), (None, "'default' of this task is gone")],
)
def test_a_queue_turns_it_off(queue: Any, words: str) -> None:
    with pytest.raises(Refused, match=words) as caught:
        task_rules.sees_all(queue, "default")
    assert (caught.value.status, caught.value.reason) == (403, Refusal.TASK_ACCESS)


@pytest.mark.parametrize(
    ("uid", "enqueued_by", "own"),
    [
        ("child", {"name": "receipt", "uid": UID, "attempt": 1}, True),
        ("child", {"name": "receipt", "uid": "of an earlier one", "attempt": 2}, False),
        ("child", None, False),
        (UID, None, True),
    ],
)
def test_whose_a_task_is(uid: str, enqueued_by: Any, own: bool) -> None:
    spec = {} if enqueued_by is None else {"enqueuedBy": enqueued_by}
    assert task_rules.is_own({"metadata": {"uid": uid}, "spec": spec}, ATTEMPT) is own


def test_a_new_task_says_who_enqueued_it_whatever_the_pod_says() -> None:
    lie = {"name": "other", "uid": "other", "attempt": 7}
    labels = {"djangotasks.dev/enqueued-by": "other", "djangotasks.dev/queue": "other", "team": "x"}
    made = task_rules.new_task(
        sent(
            metadata={
                "labels": labels,
                "annotations": {REQUEST_ANNOTATION: "mark", "kubectl.kubernetes.io/x": "y"},
                "namespace": "kube-system",
                "ownerReferences": [{"uid": "x"}],
                "finalizers": ["example.com/stays"],
            },
            queue="mail",
            payload='{"args":[1],"kwargs":{}}',
            enqueuedBy=lie,
        )
        | {"status": {"phase": "Succeeded"}},
        ATTEMPT,
    )
    assert made == {
        "apiVersion": API_VERSION,
        "kind": "DjangoTask",
        "metadata": {
            "name": NAME,
            "labels": {
                "djangotasks.dev/queue": "mail",
                "djangotasks.dev/enqueued-by": "receipt",
                "djangotasks.dev/in-order": "",
            },
            "annotations": {REQUEST_ANNOTATION: "mark"},
        },
        "spec": {
            "task": TASK,
            "queue": "mail",
            "payload": '{"args":[1],"kwargs":{}}',
            "enqueuedBy": {"name": "receipt", "uid": UID, "attempt": 2},
        },
    }
    TaskSpec.model_validate(made["spec"])


@pytest.mark.parametrize("body", [None, 1, "x", [], {}, {"metadata": {}}, {"metadata": {"name": 1}, "spec": {}},
                                  {"metadata": {"name": NAME}, "spec": []}, {"metadata": {"name": NAME}, "spec": {"task": 1}},
                                  sent() | {"kind": "Secret"}, sent() | {"apiVersion": "v1"}, sent(queue=1), sent(queue=None),
                                  sent(payloadRef=FILE | {"name": "djangotasks/shop/other.payload.json"}),
                                  sent(payloadRef=FILE | {"name": "media/passport.jpg"}), sent(payloadRef=1)])  # fmt: skip
def test_what_is_no_task_is_refused(body: Any) -> None:
    with pytest.raises(Refused) as caught:
        task_rules.new_task(body, ATTEMPT)
    assert (caught.value.status, caught.value.reason) == (422, Refusal.INVALID)


@pytest.mark.parametrize(
    "spec", [{"workflow": {"name": "flow", "uid": "u", "step": "a"}}, {"inputs": []}, {"workflow": None}]
)
def test_a_task_of_a_pod_is_no_part_of_a_workflow(spec: dict[str, Any]) -> None:
    """It would be given results of other tasks."""
    with pytest.raises(Refused, match="set by the operator alone"):
        task_rules.new_task(sent(**spec), ATTEMPT)


def test_a_task_of_a_pod_is_none_of_a_schedule() -> None:
    """The schedule would wait for it: with a runAfter in 2099, for ever."""
    with pytest.raises(Refused, match="of a schedule is created by the operator, or by the web app"):
        task_rules.new_task(sent(runAfter="2099-01-01T00:00:00Z", schedule="nightly"), ATTEMPT)


def test_a_pod_retries_a_task_of_a_schedule_as_its_own() -> None:
    retry: dict[str, Any] = {"retryOf": "nightly-202611240000", "scheduledFor": "2026-11-24T00:00:00Z"}
    made = task_rules.new_task(sent(schedule="nightly", **retry), ATTEMPT)["spec"]
    assert made.items() >= retry.items()
    assert "schedule" not in made


@pytest.mark.parametrize("spec", [{"payloadRef": FILE}, {"payloadRef": None}, {"cancel": True}])
def test_the_rest_of_a_spec_is_the_api_servers_to_judge(spec: dict[str, Any]) -> None:
    assert task_rules.new_task(sent(**spec), ATTEMPT)["spec"].items() >= spec.items()


@pytest.mark.parametrize(
    ("name", "key", "accepted"),
    [
        (NAME, None, True),
        # Of an image that is older than the operator.
        (RANDOM, None, True),
        (id_for(TASK, "order-1"), "order-1", True),
        (id_for(TASK, "order-1"), None, False),
        (id_for(TASK, "order-1"), "order-2", False),
        (id_for("another.task", "order-1"), "order-1", False),
        (NAME, "order-1", False),
        (NAME.upper(), None, False),
        (NAME.replace("-", ""), None, False),
        ("shop-nightly-202611260100", None, False),
        ("", None, False),
        (NAME, ["order-1"], False),
    ],
)
def test_a_name_is_a_new_one_or_that_of_its_key(name: str, key: Any, accepted: bool) -> None:
    """Others belong to others: a schedule's next run would be kept from starting."""
    body = sent(name) if key is None else sent(name, idempotencyKey=key)
    if accepted:
        assert task_rules.new_task(body, ATTEMPT)["metadata"]["name"] == name
        return
    with pytest.raises(Refused, match="a new id, or that of the function and its idempotencyKey"):
        task_rules.new_task(body, ATTEMPT)


def test_a_new_id_is_one() -> None:
    assert is_new_id(new_id())


@pytest.mark.parametrize("annotations", [None, {}, [], {REQUEST_ANNOTATION: 1}, {REQUEST_ANNOTATION: "x" * 65}])
def test_a_mark_that_is_none_is_left_out(annotations: Any) -> None:
    made = task_rules.new_task(sent(metadata={"annotations": annotations}), ATTEMPT)
    assert made["metadata"]["annotations"] == {}


@pytest.mark.parametrize("spec", [{"cancel": True, "cancelReason": "why"}])
def test_a_cancellation(spec: dict[str, Any]) -> None:
    assert task_rules.cancellation({"spec": spec}) == {"spec": spec}


@pytest.mark.parametrize(
    "body",
    [None, {}, {"spec": {}}, {"spec": {"cancel": False, "cancelReason": "why"}}, {"spec": {"cancel": True}},
     {"spec": {"cancel": True, "cancelReason": "why", "task": "a.b"}}, {"status": {"phase": "Succeeded"}},
     {"spec": {"cancel": True, "cancelReason": "why"}, "metadata": {"finalizers": ["x/y"]}}, {"spec": {"cancel": 1, "cancelReason": 1}}],
)  # fmt: skip
def test_a_patch_that_does_anything_else_is_refused(body: Any) -> None:
    with pytest.raises(Refused, match=r"spec\.cancel may be set to true"):
        task_rules.cancellation(body)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b'{"metadata": {"name": "\\ud800"}}', b"\xff", b'"\\udfff"']
)
def test_a_body_that_is_no_json_text_is_refused(body: bytes) -> None:
    """Half of a surrogate pair is JSON, and no text: no name could be made of it."""
    with pytest.raises(Refused, match="not JSON"):
        parse_body(body)
