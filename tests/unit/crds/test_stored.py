"""References to files: strict, because they are a pod's or a person's word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from djangotasks_api.models import StoredText
from djangotasks_api.names import TERMINATION_MESSAGE_MAX_BYTES
from djangotasks_api.outcome import InvalidReport, Outcome
from djangotasks_api.stored import TextRef, task_of

NOW = "2026-11-23T12:00:00.000001+00:00"
DATA: dict[str, Any] = {
    "storage": "tasks",
    "name": "djangotasks/shop/t1.result-1.0123456789abcdef.json",
    "size": 52_428_800,
    "sha256": "0f" * 32,
}
REF = TextRef.from_data(DATA)


def test_the_dataclass_and_the_model_agree() -> None:
    assert StoredText.model_validate(REF.to_data()).model_dump(by_alias=True) == REF.to_data() == DATA


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"storage": ""}, "storage"), ({"storage": None}, "storage"), ({"storage": "x" * 254}, "storage"), ({"storage": "a\nb"}, "storage"),
        ({"name": ""}, "name"), ({"name": 1}, "name"), ({"name": "x" * 513}, "name"), ({"name": "a\x1b[31m"}, "name"),
        ({"size": -1}, "size"), ({"size": True}, "size"), ({"size": 1.0}, "size"), ({"size": "1"}, "size"), ({"size": 2**53}, "size"),
        ({"sha256": "0f" * 31}, "sha256"), ({"sha256": "0F" * 32}, "sha256"), ({"sha256": "0f" * 31 + "0\n"}, "sha256"), ({"sha256": None}, "sha256"),
    ],
)  # fmt: skip
def test_what_is_no_reference(change: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be"):
        TextRef.from_data(DATA | change)
    with pytest.raises(InvalidReport, match=f"resultRef: {field}"):
        Outcome.from_json(json.dumps({"finishedAt": NOW, "resultRef": DATA | change}))


@pytest.mark.parametrize(
    ("name", "belongs"),
    [
        ("djangotasks/shop/t1.payload.0.json", True),
        ("djangotasks/shop/t1.x_AbCdEf1.json", True),
        ("djangotasks/shop/t1", False),
        ("djangotasks/shop/t10.payload.0.json", False),
        ("djangotasks/other/t1.payload.0.json", False),
        ("djangotasks/shop/t1.payload/../../other.json", False),
        ("djangotasks/shop/../shop/t1.payload.0.json", False),
        ("/djangotasks/shop/t1.payload.0.json", False),
        ("media/invoices/t1.pdf", False),
    ],
)
def test_whose_a_file_is(name: str, belongs: bool) -> None:
    ref = TextRef.from_data(DATA | {"name": name})
    assert ref.belongs_to("shop", "t1") is belongs


def test_a_files_task() -> None:
    assert task_of("t-1.result-1.0f.json") == "t-1"


def test_an_outcome_with_a_reference() -> None:
    outcome = Outcome(started_at=NOW, finished_at=NOW, result_ref=REF)
    assert outcome.succeeded
    assert Outcome.from_json(outcome.to_json()) == outcome
    message = outcome.to_termination_message()
    assert len(message) <= TERMINATION_MESSAGE_MAX_BYTES
    # What is long is not the reference, so it is not lost with an operator that is away.
    assert Outcome.from_json(message) == outcome


def test_a_result_is_in_one_place() -> None:
    with pytest.raises(InvalidReport, match="cannot both be given"):
        Outcome.from_json(json.dumps({"finishedAt": NOW, "result": "1", "resultRef": DATA}))
