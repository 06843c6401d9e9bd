"""What is read of a table of the API server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.tasks import TaskResultStatus

from django_tasks_kubernetes.presentation.rows import row
from django_tasks_kubernetes.presentation.tables import NEEDED, Page, page_of
from tests.unit.backend.resources import FAILED, attempt, resource
from tests.unit.backend.tables import COLUMNS, FakeTables

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
# What a table does not have.
ABSENT: dict[str, Any] = {"done": None, "total": None, "message": "", "explanation": ""}
TIMES: dict[str, Any] = {"startedAt": "2026-11-23T12:00:01Z", "finishedAt": "2026-11-23T12:00:09Z"}


def page(tables: FakeTables, **asked: Any) -> Page:
    found = page_of(tables.table_page(limit=asked.pop("limit", 500), **asked), "shop", NOW)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "task",
    [
        resource("a", phase="Queued"),
        resource("b", phase="Running", progress={"text": "3/5"}, attempts=[attempt()], startedAt=TIMES["startedAt"]),
        resource("c", phase="Succeeded", progress={"text": "5/5"}, attempts=[attempt(1), attempt(2)], **TIMES),
        resource("d", phase="Failed", reason="TaskError", message="no", attempts=[FAILED], **TIMES),
        resource("e", phase="Cancelled", reason="CancelRequested", **TIMES),
        resource("wf-resize-00007", spec={"workflow": {"name": "wf", "uid": "u", "step": "resize", "index": 7}}),
        # Of a newer operator.
        resource("f", phase="Paused"),
        resource("g", phase="Paused", startedAt=TIMES["startedAt"]),
        resource("h", phase="Skipped", conditions=[{"type": "Complete", "status": "True"}], **TIMES),
        resource("i", phase="Lost", reason="Lost", conditions=[{"type": "Failed", "status": "True"}], **TIMES),
        # Before the operator has seen it.
        resource("j"),
        # What could move a terminal's cursor.
        resource("k", spec={"task": "a.\x1b[2J"}, phase="Failed", reason="\u202e"),
    ],
    ids=lambda task: str(task["metadata"]["name"]),
)
def test_a_row_of_a_table_is_that_of_the_resource(task: dict[str, Any]) -> None:
    (found,) = page(FakeTables(task)).rows
    expected = row(task)
    assert {name: getattr(found, name) for name in expected.__slots__ if name not in ABSENT} == {
        name: getattr(expected, name) for name in expected.__slots__ if name not in ABSENT
    }
    assert {name: getattr(found, name) for name in ABSENT} == ABSENT


def test_a_task_made_by_hand_was_enqueued_when_it_was_created() -> None:
    (found,) = page(FakeTables(resource(spec={"enqueuedAt": None}))).rows
    assert found.enqueued_at == NOW - timedelta(minutes=5, seconds=20)


def test_a_table_of_all_namespaces_says_which() -> None:
    other = resource("b")
    other["metadata"]["namespace"] = "mill"
    assert [found.namespace for found in page(FakeTables(resource(), other, everywhere=True)).rows] == ["mill", "shop"]


def test_pages_go_on_and_say_how_many_are_left() -> None:
    tables = FakeTables(*(resource(f"t{n}") for n in range(5)))
    first = page(tables, limit=2)
    assert ([found.id for found in first.rows], first.remaining) == (["t0", "t1"], 3)
    last = page(tables, limit=3, token=first.token)
    assert ([found.id for found in last.rows], last.token, last.remaining) == (["t2", "t3", "t4"], None, 0)
    # With a selector, the server does not count.
    chosen = page(tables, limit=2, fields="spec.queue=mail")
    assert (chosen.token is None, chosen.remaining) == (False, None)


@pytest.mark.parametrize("missing", [*sorted(NEEDED - {"Name"})])
def test_a_table_of_an_older_definition_is_none(missing: str) -> None:
    columns = [column.name for column in COLUMNS if column.name != missing]
    assert page_of(FakeTables(resource(), columns=columns).table_page(limit=9), "shop", NOW) is None


def test_a_list_of_resources_is_no_table() -> None:
    """As the operator answers in a task's pod."""
    assert page_of({"kind": "DjangoTaskList", "metadata": {}, "items": [resource()]}, "shop", NOW) is None


def test_an_empty_table_has_no_rows() -> None:
    empty = page_of(FakeTables().table_page(limit=9) | {"rows": None}, "shop", NOW)
    assert empty == Page(rows=[], token=None, remaining=0)


def test_a_cell_that_is_missing_hides_nothing() -> None:
    answer = FakeTables(resource()).table_page(limit=9)
    answer["rows"][0]["cells"] = ["one"]
    found = page_of(answer, "shop", NOW)
    assert found is not None
    assert [(one.id, one.phase, one.status) for one in found.rows] == [("one", "Queued", TaskResultStatus.READY)]
