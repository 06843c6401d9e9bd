"""cancel and retry by filter: which tasks match, and that nothing happens unasked."""

import io
import sys
from typing import Any

import pytest

from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.table import VERBS
from django_tasks_kubernetes.presentation.filters import UsageError
from djangotasks_api.names import RETRY_OF_LABEL
from tests.unit.backend.resources import FakeTasks, Recorded, resource

TASKS = (
    resource("runs", phase="Running"),
    resource("waits", spec={"queue": "other"}, phase="Queued"),
    resource("bad", phase="Failed"),
    resource("done", phase="Succeeded"),
)
RUN = {verb.name: verb.run for verb in VERBS}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def given(**options: Any) -> dict[str, Any]:
    unset: dict[str, Any] = {
        "ids": [],
        "queue": None,
        "task": None,
        "status": None,
        "dry_run": False,
        "yes": False,
        "reason": "",
    }
    return unset | options


@pytest.mark.parametrize(
    ("options", "answer", "cancelled"),
    [
        ({"queue": "mail", "yes": True}, "", ["runs"]),
        ({"status": ["queued", "running"], "yes": True}, "", ["runs", "waits"]),
        ({"status": ["failed"], "yes": True}, "", []),
        ({"queue": "mail"}, "y\n", ["runs"]),
        ({"queue": "mail"}, "\n", []),
        ({"queue": "mail", "dry_run": True}, "", []),
        ({"ids": ["waits"]}, "", ["waits"]),
    ],
)
def test_cancel_by_filter(
    options: dict[str, Any], answer: str, cancelled: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    said = Recorded(tasks := FakeTasks(*TASKS))
    assert RUN["cancel"](said.session, given(**options)) == Code.OK
    assert [name for name, _ in tasks.cancelled] == cancelled
    if options.get("dry_run"):
        assert said.out == "runs\n"


def test_retry_by_filter_takes_finished_ones_alone() -> None:
    tasks = FakeTasks(*TASKS, resource("bad-again"))
    said = Recorded(tasks, client=tasks)
    assert RUN["retry"](said.session, given(task="send", status=["failed", "running"], yes=True)) == Code.OK
    assert said.out == "bad: enqueued once more as bad-again\n"


def test_retry_by_filter_given_twice_repeats_nothing_twice() -> None:
    first, second = resource("bad", phase="Failed"), resource("bad-again", phase="Failed")
    second["metadata"]["labels"] = {RETRY_OF_LABEL: "bad"}
    tasks = FakeTasks(first, second, resource("bad-again-again"))
    said = Recorded(tasks, client=tasks)
    assert RUN["retry"](said.session, given(status=["failed"], yes=True)) == Code.OK
    assert said.out == "bad-again: enqueued once more as bad-again-again\n"
    assert said.err == "Left out, as retried already: 1 task. Given by its id, one is retried again.\n"


@pytest.mark.parametrize(
    ("verb", "options", "message"),
    [
        ("cancel", {}, "Name tasks by their ids"),
        ("cancel", {"ids": ["runs"], "queue": "mail"}, "Name tasks by their ids"),
        ("retry", {"queue": "mail", "yes": True}, "--status failed"),
        ("cancel", {"queue": "mail"}, "give --yes"),
    ],
)
def test_many_are_not_chosen_by_mistake(
    verb: str, options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    said = Recorded(tasks := FakeTasks(*TASKS))
    with pytest.raises(UsageError, match=message):
        RUN[verb](said.session, given(**options))
    assert not tasks.cancelled
