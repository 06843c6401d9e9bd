"""What an attempt's pod learns of its task."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.assignment import INPUTS_ENCODING, Assignment
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.models import TaskStatus
from djangotasks_operator.pods.assignment import InvalidPayload, make_assignment
from djangotasks_operator.scheduling.limits import resolve
from tests.support.builders import at, make_attempt, make_queue, make_task

PAYLOAD = '{"args":[1],"kwargs":{}}'
STORED = {"storage": "tasks", "name": "djangotasks/shop/receipt/payload", "size": 1, "sha256": "0" * 64}


def assigned(number: int = 1, payload: str = PAYLOAD, *, has_inputs: bool = False, **task: Any) -> Assignment:
    made = make_task(**task)
    limits = resolve(made.spec.policy, make_queue(policy={"maxAttempts": 3}))
    return make_assignment(made, number, payload, limits, url="http://x", token="t", has_inputs=has_inputs)


def test_an_assignment_is_that_of_its_attempt() -> None:
    found = assigned(queue="mail", priority=5, run_after=at(60))
    assert (found.id, found.attempt, found.worker_id, found.queue) == ("receipt", 1, "receipt-1", "mail")
    assert (found.priority, found.run_after, found.payload) == (5, at(60).isoformat(), PAYLOAD)
    assert (found.url, found.token) == ("http://x", "t")


@pytest.mark.parametrize(
    ("number", "interruptions", "left"),
    [(1, 0, 2), (2, 0, 1), (3, 0, 0), (3, 2, 2), (9, 0, 0)],
)
def test_an_assignment_says_how_many_retries_may_follow(number: int, interruptions: int, left: int) -> None:
    assert assigned(number, status=TaskStatus(interruptions=interruptions)).retries_left == left


def test_an_assignment_names_the_pods_before() -> None:
    attempts = [make_attempt(number) for number in (1, 2, 3)]
    assert assigned(3, status=TaskStatus(attempts=attempts)).worker_ids == ("receipt-1", "receipt-2")


def test_a_payload_in_a_storage_is_referenced() -> None:
    found = assigned(payload_ref=STORED)
    assert found.payload_ref is not None
    assert (found.payload, found.payload_ref.name) == ("", STORED["name"])


@pytest.mark.parametrize(
    ("payload", "task", "words"),
    [
        ("x" * (PAYLOAD_MAX_BYTES + 1), {}, "more than"),
        ("é" * (PAYLOAD_MAX_BYTES // 2 + 1), {}, "more than"),
        (PAYLOAD, {"payload_ref": STORED | {"sha256": "ab"}}, "payloadRef: "),
    ],
)
def test_a_payload_that_no_pod_can_have_is_invalid(payload: str, task: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidPayload, match=words):
        assigned(payload=payload, **task)


def test_inputs_go_into_json_text_alone() -> None:
    assert assigned(has_inputs=True).payload_encoding == INPUTS_ENCODING
    for task in ({"payload_ref": STORED}, {"payload_encoding": "zlib+base64"}):
        with pytest.raises(InvalidPayload, match="JSON text"):
            assigned(has_inputs=True, **task)


@pytest.mark.parametrize(
    ("chunk", "items", "expected"),
    [
        (None, None, (None, False)),
        ({"size": 5}, None, ("0-4", False)),
        ({"size": 5, "only": "1,3"}, None, ("1,3", False)),
        ({"size": 5}, {}, ("0-4", False)),
        ({"size": 5}, {"completed": "0-1", "failed": "4"}, ("2-3", True)),
    ],
)
def test_an_attempt_at_a_chunk_runs_the_items_that_are_left(chunk: Any, items: Any, expected: Any) -> None:
    found = assigned(chunk=chunk, status=TaskStatus.model_validate({"items": items}))
    assert (found.chunk, found.has_items) == expected


def test_items_that_somebody_else_has_written_are_invalid() -> None:
    with pytest.raises(InvalidPayload, match="items of the chunk"):
        assigned(chunk={"size": 5, "only": "3,1"})
