"""watch: what is shown of each change, and when it is over."""

import json
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.watch import WatchView, tasks_of, watch
from django_tasks_kubernetes.presentation.filters import Filter
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.watch.events import Event
from django_tasks_kubernetes.watch.stream import Connected, Disconnected, RelistNeeded
from tests.unit.backend.resources import FakeTasks, Recorded, resource

RUNS = resource("runs", phase="Running")
DONE = resource("runs", phase="Succeeded")
BAD = resource("bad", phase="Failed", reason="OOMKilled")


def event(found: dict[str, Any], type_: str = "MODIFIED") -> Event:
    line = json.dumps({"type": type_, "object": found}).encode()
    return Event(type_, found["metadata"]["name"], "9", line)


def watching(
    *there: Any, names: list[str] | None = None, format_: OutputFormat = OutputFormat.TABLE, **which: Any
) -> tuple[WatchView[Row], Recorded]:
    said = Recorded(FakeTasks(*there), format_)
    made = WatchView(said.session, tasks_of(Filter(**which)), names or [], "")
    with made.shown():
        made.take(RelistNeeded(1))
    return made, said


def shown(said: Recorded) -> list[str]:
    return [line.split("  ", 1)[1] for line in said.out.splitlines()]


def test_watch_writes_a_line_for_each_change() -> None:
    made, said = watching(RUNS, BAD)
    assert not made.done
    progress = {"text": "1/2", "done": 1, "total": 2, "message": "half"}
    for found in (RUNS, RUNS | {"status": {"phase": "Running", "progress": progress}}, DONE):
        made.take(event(found))
    assert (made.done, made.code()) == (True, Code.OK)
    assert shown(said) == [
        "runs  shop.tasks.send  Running",
        "runs  shop.tasks.send  Running  1/2  half",
        "runs  shop.tasks.send  Succeeded",
    ]


def test_watch_holds_no_list_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    made, said = watching()
    shown_before: list[int] = []

    def find(selector: str) -> Iterator[dict[str, Any]]:
        for number in range(3):
            shown_before.append(len(said.out.splitlines()))
            yield resource(f"t{number}", phase="Running")

    monkeypatch.setattr(said.session.tasks, "find", find)
    made.take(RelistNeeded(3))
    assert shown_before == [0, 1, 2]


def test_watch_of_ids_shows_finished_tasks_too() -> None:
    made, said = watching(RUNS, BAD, resource("other", phase="Running"), names=["runs", "bad"])
    made.take(event(resource("other", phase="Succeeded")))
    assert not made.done
    made.take(event(DONE))
    assert made.code() == Code.FAILED
    assert "other" not in said.out
    assert shown(said)[1] == "bad  shop.tasks.send  Failed  OOMKilled"


def test_watch_raises_for_an_unknown_id() -> None:
    with pytest.raises(TaskResultDoesNotExist):
        watching(RUNS, names=["runs", "nope"])


def test_watch_shows_new_tasks_that_match() -> None:
    made, said = watching(RUNS, queue="mail")
    made.take(event(resource("new", phase="Queued"), "ADDED"))
    made.take(event(resource("elsewhere", spec={"queue": "other"}, phase="Queued"), "ADDED"))
    made.take(event(DONE))
    ends = [made.done]
    made.take(event(resource("new", phase="Succeeded")))
    assert [*ends, made.done] == [False, True]
    assert "elsewhere" not in said.out


@pytest.mark.parametrize("how", ["watched", "missed"])
def test_watch_counts_a_deleted_task_as_failed(how: str) -> None:
    made, said = watching(RUNS)
    if how == "watched":
        made.take(event(RUNS, "DELETED"))
    else:
        made._session.tasks = FakeTasks()
        made.take(RelistNeeded(0))
    assert shown(said)[-1] == "runs  shop.tasks.send  Running  deleted"
    assert (made.done, made.code()) == (True, Code.FAILED)


def test_watch_keeps_the_end_of_a_task_deleted_after_it() -> None:
    made, _ = watching(RUNS)
    made.take(event(DONE, "DELETED"))
    assert (made.done, made.code()) == (True, Code.OK)


@pytest.mark.parametrize("names", [[], ["runs", "other"]], ids=["all", "ids"])
def test_watch_keeps_the_end_of_a_task_whose_time_is_over_before_it_lists_again(names: list[str]) -> None:
    other = resource("other", phase="Running")
    made, said = watching(RUNS, other, names=names)
    made.take(event(DONE))
    made._session.tasks = FakeTasks(other)
    made.take(RelistNeeded(1))
    assert not made.done
    made.take(event(resource("other", phase="Succeeded")))
    assert (made.done, made.code()) == (True, Code.OK)
    assert "deleted" not in said.out


def test_watch_of_ids_goes_on_after_one_that_is_gone() -> None:
    other = resource("other", phase="Running")
    made, said = watching(RUNS, other, names=["runs", "other"])
    made._session.tasks = FakeTasks(other)
    for _ in range(2):
        made.take(RelistNeeded(1))
    assert [line for line in shown(said) if line.endswith("deleted")] == ["runs  shop.tasks.send  Running  deleted"]
    made.take(event(resource("other", phase="Succeeded")))
    assert (made.done, made.code()) == (True, Code.FAILED)


class Live:
    """A terminal of ten lines."""

    height = 10

    def __init__(self) -> None:
        self.names: list[str] = []
        self.note = ""

    def show(self, rows: Any, note: str) -> None:
        self.names, self.note = [row.id for row in rows], note


def test_watch_in_a_terminal_shows_what_is_not_finished() -> None:
    made, _ = watching(RUNS)
    live = made._live = cast(Any, Live())
    for number in range(20):
        made.take(event(resource(f"t{number:02}", phase="Running"), "ADDED"))
        made.take(event(resource(f"t{number:02}", phase="Succeeded")))
    made.take(Disconnected(OSError("no answer.")))
    assert live.names == ["runs", *(f"t{number}" for number in range(14, 20))]
    assert live.note == "14 more tasks are not shown. no answer. Retrying."


def test_watch_of_nothing_succeeds() -> None:
    made, said = watching(BAD)
    assert (made.done, made.code()) == (True, Code.OK)
    assert said.err == "No task that matches is unfinished.\n"


def test_watch_as_json_writes_an_object_for_each_change() -> None:
    made, said = watching(RUNS, format_=OutputFormat.JSON)
    made.take(event(DONE))
    assert [json.loads(line)["phase"] for line in said.out.splitlines()] == ["Running", "Succeeded"]


def test_watch_notes_an_unavailable_server_once() -> None:
    made, said = watching(RUNS)
    for change in (
        Disconnected(OSError("no answer.")),
        Disconnected(OSError("no answer.")),
        Connected(),
        Disconnected(OSError("no answer.")),
    ):
        made.take(change)
    assert said.err == "no answer. Retrying.\n" * 2


class Endless:
    """A client whose watch never brings anything."""

    namespace = "shop"

    def newest(self) -> tuple[str, int]:
        return "1", 1

    def watch(self, version: str, selector: str) -> None:
        return None


@pytest.mark.parametrize("timeout", [float("inf"), 1e12])
def test_watch_takes_any_time_to_wait(timeout: float, monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    said = Recorded(FakeTasks(DONE), client=Endless())
    assert watch(said.session, ["runs"], Filter(), timeout=timeout) == Code.OK
    assert failed == []


def test_watch_times_out() -> None:
    said = Recorded(FakeTasks(RUNS), client=Endless())
    assert watch(said.session, ["runs"], Filter(), timeout=0.05) == Code.TIMEOUT
    assert said.err.endswith("Not finished after 0.05 s.\n")
