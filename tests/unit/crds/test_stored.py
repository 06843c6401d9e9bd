"""References to files are checked strictly: pods and people write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from djangotasks_api.bounds import TERMINATION_MESSAGE_MAX_BYTES
from djangotasks_api.models import StoredText
from djangotasks_api.outcome import Outcome
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.stored import TextRef, task_of

NOW = "2026-11-23T12:00:00.000001+00:00"
DATA: dict[str, Any] = {
    "storage": "tasks",
    "name": "djangotasks/shop/t1.result-1.0123456789abcdef.json",
    "size": 52_428_800,
    "sha256": "0f" * 32,
}
REF = TextRef.from_data(DATA)


def test_a_reference_and_its_model_agree() -> None:
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
def test_a_reference_with_a_wrong_field_is_refused(change: dict[str, Any], field: str) -> None:
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
        ("djangotasks/shop/t1.\\..\\t2.payload.0.json", False),
        ("djangotasks/shop/t1.%2f..%2ft2.payload.0.json", False),
        ("djangotasks/shop/t1.\u2215..\u2215t2.payload.0.json", False),
    ],
)
def test_a_file_belongs_to_the_task_it_is_named_after(name: str, belongs: bool) -> None:
    ref = TextRef.from_data(DATA | {"name": name})
    assert ref.belongs_to("shop", "t1") is belongs


def test_a_files_name_gives_its_task() -> None:
    assert task_of("t-1.result-1.0f.json") == "t-1"


def test_an_outcome_carries_a_reference() -> None:
    outcome = Outcome(started_at=NOW, finished_at=NOW, result_ref=REF)
    assert outcome.succeeded
    assert Outcome.from_json(outcome.to_json()) == outcome
    message = outcome.to_termination_message("the-token")
    assert len(message) <= TERMINATION_MESSAGE_MAX_BYTES
    # A reference is short, so it survives in the termination message while the operator is unreachable.
    assert Outcome.from_termination_message(message, ["the-token"]) == outcome


def test_an_outcome_with_both_a_result_and_a_reference_is_refused() -> None:
    with pytest.raises(InvalidReport, match="cannot both be given"):
        Outcome.from_json(json.dumps({"finishedAt": NOW, "result": "1", "resultRef": DATA}))
