"""From the parameters of an address to selectors, and to the rows that match."""

from datetime import timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.admin.criteria import Criteria, WrongCriteria, criteria_of
from django_tasks_kubernetes.presentation.rows import Row, row
from tests.unit.backend.admin.conftest import BEGIN, made_task
from tests.unit.backend.resources import attempt

ID = "00000e2d-d5a0-8d3a-bfc1-6f64b0a6a1c7"
NOT_ENDED = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Cancelled"


@pytest.mark.parametrize(
    ("parameters", "text", "fields", "labels"),
    [
        ({}, "", "", ""),
        ({"phase": "Failed"}, "", "status.phase=Failed", ""),
        ({"phase": "Unfinished"}, "", NOT_ENDED, ""),
        # A task that the operator has not seen has no phase.
        ({"phase": "Queued"}, "", "status.phase!=Starting,status.phase!=Running,status.phase!=Retrying," + NOT_ENDED, ""),
        ({"queue": "mail", "task": "shop.send", "reason": "OOMKilled"}, "", "spec.queue=mail,spec.task=shop.send,status.reason=OOMKilled", ""),
        ({"workflow": ID}, "", "", f"djangotasks.dev/workflow={ID}"),
        ({"exception": "builtins.KeyError", "within": "1h"}, "", "", ""),
        ({}, ID, f"metadata.name={ID}", ""),
        ({}, f" {ID.upper()} ", f"metadata.name={ID}", ""),
        ({}, "receipt", "", ""),
    ],
)  # fmt: skip
def test_selectors(parameters: dict[str, str], text: str, fields: str, labels: str) -> None:
    criteria = criteria_of(parameters, text)
    assert (sorted(criteria.fields.split(",")), criteria.labels) == (sorted(fields.split(",")), labels)


@pytest.mark.parametrize(
    "parameters",
    [
        {"phase": "Lost"},
        {"phase": "Failed,"  "Lost"},
        {"queue": "mail,status.phase=Failed"},
        {"task": "a b"},
        {"task": "x" * 501},
        {"reason": "A\\B"},
        {"workflow": "a,b"},
        {"workflow": "(a)"},
        {"schedule": "x" * 300},
        {"within": "2h"},
    ],
)  # fmt: skip
def test_what_no_link_says_is_refused(parameters: dict[str, str]) -> None:
    with pytest.raises(WrongCriteria):
        criteria_of(parameters)


def a_row(**fields: Any) -> Row:
    return row(made_task(**fields))


@pytest.mark.parametrize(
    ("criteria", "fields", "matches"),
    [
        ({"text": "RECEIPT"}, {"spec": {"task": "shop.send_receipt"}}, True),
        ({"text": "receipt"}, {"spec": {"task": "shop.send"}}, False),
        ({"text": "oom"}, {"reason": "OOMKilled"}, True),
        ({"text": "keyerror"}, {"attempts": [attempt(error={"type": "builtins.KeyError"})]}, True),
        ({"exception": "builtins.KeyError"}, {"attempts": [attempt(error={"type": "builtins.KeyError"})]}, True),
        ({"exception": "builtins.KeyError"}, {}, False),
        # The end counts for what has ended, the enqueueing for the others.
        ({"within": "1h"}, {"minute": -100}, False),
        ({"within": "1h"}, {"minute": -100, "finishedAt": (BEGIN - timedelta(minutes=5)).isoformat()}, True),
        ({"within": "3h"}, {"minute": -100}, True),
    ],
)
def test_matching_rows(criteria: dict[str, str], fields: dict[str, Any], matches: bool) -> None:
    assert Criteria(**criteria).matches(a_row(**fields), BEGIN) is matches  # type: ignore[arg-type]
