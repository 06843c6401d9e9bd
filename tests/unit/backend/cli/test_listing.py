"""What `list` says in each form, and what it asks the API server for."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes.cli.listing import list_tasks
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.filters import Filter
from djangotasks_api.task_ids import new_id, order_labels
from tests.unit.backend.resources import FakeTasks, Recorded, resource
from tests.unit.backend.tables import FakeTables

RUNS = resource("runs", phase="Running")


def recorded(
    *resources: Resource, format_: OutputFormat = OutputFormat.TABLE, **tables: Any
) -> tuple[Recorded, FakeTables]:
    client = FakeTables(*resources, **tables)
    return Recorded(FakeTasks(*resources), format_, client), client


def in_order(number: int) -> Resource:
    """The task that was enqueued in that second."""
    made = resource(new_id(1000 * number), spec={"enqueuedAt": f"2026-11-23T12:{number // 60:02}:{number % 60:02}Z"})
    made["metadata"]["labels"] = order_labels(made["metadata"]["name"])
    return made


@pytest.mark.parametrize("columns", [None, ["Task"]], ids=["tables", "resources"])
@pytest.mark.parametrize(
    ("format_", "lines"),
    [
        (OutputFormat.TABLE, ["ID    TASK             QUEUE  PHASE", "runs  shop.tasks.send  mail   Running"]),
        (OutputFormat.WIDE, ["ID    TASK             QUEUE  PHASE", "runs  shop.tasks.send  mail   Running"]),
        (OutputFormat.NAME, ["djangotask.djangotasks.dev/runs"]),
    ],
)
def test_list_in_each_format(format_: OutputFormat, lines: list[str], columns: list[str] | None) -> None:
    """Also where the cluster's definition is older, and its tables say too little."""
    said, _ = recorded(RUNS, format_=format_, columns=columns)
    assert list_tasks(said.session, Filter()) == Code.OK
    assert [line[: len(start)] for line, start in zip(said.out.splitlines(), lines, strict=True)] == lines
    assert not said.err


def test_list_as_json_is_an_object_a_line() -> None:
    said, _ = recorded(RUNS, resource("two", message="é\x1b\n"), format_=OutputFormat.JSON)
    assert list_tasks(said.session, Filter(limit=1)) == Code.OK
    (line,) = said.out.splitlines()
    assert line.isascii()
    assert (json.loads(line)["id"], json.loads(line)["message"]) == ("two", "é\x1b\n")
    assert said.err == "The newest 1 of 2. --limit 0 shows all.\n"


def test_list_of_no_tasks() -> None:
    said, _ = recorded()
    assert (list_tasks(said.session, Filter()), said.out, said.err) == (Code.OK, "", "No tasks.\n")


@pytest.mark.parametrize(
    ("which", "note"),
    [
        ({"limit": 3}, "The newest 3 of 300. --limit 0 shows all.\n"),
        # The server does not count what a selector matches.
        ({"limit": 3, "queue": "mail"}, "The newest 3. There are more: --limit 0 shows all.\n"),
        ({"limit": 0}, ""),
        ({"limit": 400, "queue": "mail"}, ""),
    ],
)
def test_list_says_that_there_are_more(which: dict[str, Any], note: str) -> None:
    said, _ = recorded(*map(in_order, range(300)))
    list_tasks(said.session, Filter(**which))
    assert (len(said.out.splitlines()), said.err) == (1 + (which["limit"] if note else 300), note)


@pytest.mark.parametrize(
    ("format_", "limit", "namespaces", "tables", "whole_lists", "single_reads"),
    [
        (OutputFormat.TABLE, 50, False, 2, 0, 0),
        (OutputFormat.NAME, 50, False, 2, 0, 0),
        # What a table does not have is read of those that are shown.
        (OutputFormat.JSON, 50, False, 2, 0, 50),
        (OutputFormat.WIDE, 50, False, 2, 0, 50),
        # One by one, as many would be slower than all.
        (OutputFormat.JSON, 201, False, 0, 1, 0),
        (OutputFormat.JSON, 0, False, 0, 1, 0),
        (OutputFormat.TABLE, 0, False, 1, 0, 0),
        # Ids are of a namespace.
        (OutputFormat.JSON, 50, True, 0, 1, 0),
        (OutputFormat.TABLE, 50, True, 1, 0, 0),
    ],
)
def test_list_reads_no_more_than_it_shows(
    format_: OutputFormat, limit: int, namespaces: bool, tables: int, whole_lists: int, single_reads: int
) -> None:
    resources = [in_order(number) for number in range(300)]
    said, client = recorded(*resources, format_=format_, everywhere=namespaces)
    said.session.output.namespaces = namespaces
    tasks: Any = said.session.tasks
    list_tasks(said.session, Filter(limit=limit))
    assert (len(client.asked), len(tasks.selectors), len(tasks.read)) == (tables, whole_lists, single_reads)


def test_a_task_that_is_deleted_meanwhile_is_left_out() -> None:
    said, _ = recorded(in_order(1), in_order(2), format_=OutputFormat.JSON)
    tasks: Any = said.session.tasks
    tasks.resources.popitem()
    assert list_tasks(said.session, Filter()) == Code.OK
    assert len(said.out.splitlines()) == 1
