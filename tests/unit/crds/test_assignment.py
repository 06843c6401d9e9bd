"""The assignment survives the environment, to the byte."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.assignment import Assignment
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.stored import TextRef

# One environment variable, with its name and both separators: Linux's MAX_ARG_STRLEN.
VARIABLE_MAX_BYTES = 128 * 1024


def assignment(payload: str = "{}", task: str = "shop.tasks.x") -> Assignment:
    return Assignment(
        id="a", namespace="shop", uid="u", attempt=3, worker_id="a-3", task=task, queue="default", backend="default",
        priority=-5, enqueued_at="2026-11-23T12:00:00+00:00", run_after=None, worker_ids=("a-1", "a-2"),
        started_at=None, url="http://10.0.0.1:80", token="t", payload=payload,
    )  # fmt: skip


@given(st.text(), st.text())
def test_an_assignment_survives_the_environment(payload: str, task: str) -> None:
    before = assignment(payload, task)
    assert Assignment.from_environ(before.to_environ()) == before


@given(st.text(), st.text())
def test_an_assignment_survives_as_json(payload: str, task: str) -> None:
    before = replace(assignment(payload, task), retry_on=("a.B",), retries_left=2)
    assert Assignment.from_json(before.to_json()) == before
    newer = before.to_json()[:-1] + ',"later": 1}'
    assert Assignment.from_json(newer) == before, "images outlive operators"


def test_an_assignment_carries_a_reference_to_its_payload() -> None:
    ref = TextRef(storage="ü", name="djangotasks/shop/a.payload.0.json", size=3, sha256="0" * 64)
    before = replace(assignment(""), payload_ref=ref, payload_encoding="zlib+base64")
    assert Assignment.from_environ(before.to_environ()) == before
    assert Assignment.from_json(before.to_json()) == before


def test_the_largest_payload_fits() -> None:
    for name, value in assignment('"' * PAYLOAD_MAX_BYTES).to_environ().items():
        assert len(f"{name}={value}\0".encode()) <= VARIABLE_MAX_BYTES


def test_a_process_without_an_assignment_raises_a_lookup_error() -> None:
    with pytest.raises(LookupError):
        Assignment.from_environ({"PATH": "/bin"})
