"""watch: what is shown of each change, and when it is over."""

import json
from typing import Any

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import Form
from django_tasks_kubernetes.cli.select import Filter
from django_tasks_kubernetes.cli.verbs import Code
from django_tasks_kubernetes.cli.watch import Watching, watch
from django_tasks_kubernetes.watching.events import Event
from django_tasks_kubernetes.watching.following import Away, Missed, Opened
from tests.unit.backend.cli.resources import FakeTasks, Said, resource

RUNS = resource("runs", phase="Running")
DONE = resource("runs", phase="Succeeded")
BAD = resource("bad", phase="Failed", reason="OOMKilled")


def event(found: dict[str, Any], type_: str = "MODIFIED") -> Event:
    line = json.dumps({"type": type_, "object": found}).encode()
    return Event(type_, found["metadata"]["name"], "9", line)


def watching(
    *there: Any, names: list[str] | None = None, form: Form = Form.TABLE, **which: Any
) -> tuple[Watching, Said]:
    said = Said(FakeTasks(*there), form)
    made = Watching(said.session, names or [], Filter(**which), "")
    with made.shown():
        made.take(Missed(1))
    return made, said


def shown(said: Said) -> list[str]:
    return [line.split("  ", 1)[1] for line in said.out.splitlines()]


def test_a_line_for_each_change_until_all_are_finished() -> None:
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


def test_those_that_are_named_are_watched_whatever_they_are() -> None:
    made, said = watching(RUNS, BAD, resource("other", phase="Running"), names=["runs", "bad"])
    made.take(event(resource("other", phase="Succeeded")))
    assert not made.done
    made.take(event(DONE))
    assert made.code() == Code.FAILED
    assert "other" not in said.out
    assert shown(said)[1] == "bad  shop.tasks.send  Failed  OOMKilled"


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(TaskResultDoesNotExist):
        watching(RUNS, names=["runs", "nope"])


def test_what_comes_meanwhile_is_watched_too_if_it_matches() -> None:
    made, said = watching(RUNS, queue="mail")
    made.take(event(resource("new", phase="Queued"), "ADDED"))
    made.take(event(resource("elsewhere", spec={"queue": "other"}, phase="Queued"), "ADDED"))
    made.take(event(DONE))
    ends = [made.done]
    made.take(event(resource("new", phase="Succeeded")))
    assert [*ends, made.done] == [False, True]
    assert "elsewhere" not in said.out


@pytest.mark.parametrize("how", ["told", "missed"])
def test_one_that_is_deleted_has_not_succeeded(how: str) -> None:
    made, said = watching(RUNS)
    if how == "told":
        made.take(event(RUNS, "DELETED"))
        assert shown(said)[-1].endswith("deleted")
    else:
        made._session.tasks = FakeTasks()
        made.take(Missed(0))
    assert (made.done, made.code()) == (True, Code.FAILED)


def test_one_that_is_deleted_after_its_end_was_what_it_was() -> None:
    made, _ = watching(RUNS)
    made.take(event(DONE, "DELETED"))
    assert (made.done, made.code()) == (True, Code.OK)


def test_nothing_to_watch() -> None:
    made, said = watching(BAD)
    assert (made.done, made.code()) == (True, Code.OK)
    assert said.err == "No task that matches is unfinished.\n"


def test_for_programs_each_change_is_an_object() -> None:
    made, said = watching(RUNS, form=Form.JSON)
    made.take(event(DONE))
    assert [json.loads(line)["phase"] for line in said.out.splitlines()] == ["Running", "Succeeded"]


def test_a_server_that_is_away_is_told_of_once() -> None:
    made, said = watching(RUNS)
    for change in (Away(OSError("no answer.")), Away(OSError("no answer.")), Opened(), Away(OSError("no answer."))):
        made.take(change)
    assert said.err == "no answer. It is tried again.\n" * 2


class Endless:
    """A client whose watch never tells anything."""

    namespace = "shop"

    def newest(self) -> tuple[str, int]:
        return "1", 1

    def watch(self, version: str, selector: str) -> None:
        return None


def test_the_time_is_over() -> None:
    said = Said(FakeTasks(RUNS), client=Endless())
    assert watch(said.session, ["runs"], Filter(), timeout=0.05) == Code.TIMEOUT
    assert said.err.endswith("Not finished after 0.05 s.\n")
