"""The receivers of an end are called one by one, and those that raised again."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.notify.dispatch import ERROR_MAX_CHARS, arguments_of, dispatch, receivers_of, signal_of
from django_tasks_kubernetes.notify.ends import End

RESULT: Any = SimpleNamespace(id="t1")
OF_TASK = End(uid="u", reason="TaskError", message="no", reported=True)
CALLS: list[str] = []


def first(**_: Any) -> None:
    CALLS.append("first")


def second(**_: Any) -> None:
    CALLS.append("second")
    raise ValueError("no" + "\0" + "x" * 3 * ERROR_MAX_CHARS)


async def third(**_: Any) -> None:
    CALLS.append("third")


NAMES = {receiver: f"{__name__}.{receiver.__name__}" for receiver in (first, second, third)}


@pytest.fixture
def connected() -> Iterator[None]:
    CALLS.clear()
    for receiver in NAMES:
        signals.task_ended.connect(receiver)
    yield
    for receiver in NAMES:
        signals.task_ended.disconnect(receiver)


@pytest.mark.parametrize(
    ("end", "signal", "arguments"),
    [
        (OF_TASK, signals.task_ended, {"task_result", "reason", "message", "reported"}),
        (
            End(uid="u", attempt=2),
            signals.task_attempt_failed,
            {"task_result", "reason", "message", "reported", "attempt"},
        ),
        (End(uid="u", of_workflow=True), signals.workflow_ended, {"workflow_result", "reason", "message"}),
    ],
)
def test_an_end_has_its_signal_and_arguments(end: End, signal: Any, arguments: set[str]) -> None:
    assert signal_of(end) is signal
    assert set(arguments_of(end, RESULT)) == arguments


@pytest.mark.django_db(transaction=True)
def test_receivers_that_raised_are_called_again_and_no_others(connected: None) -> None:
    done = dispatch(OF_TASK, RESULT, object, [], "default")
    assert sorted(CALLS) == ["first", "second", "third"]
    assert sorted(done.names) == sorted([NAMES[first], NAMES[third]])
    assert done.error.startswith(f"{NAMES[second]}: ValueError: nox")
    assert len(done.error) == ERROR_MAX_CHARS
    CALLS.clear()
    again = dispatch(OF_TASK, RESULT, object, done.names, "default")
    assert (CALLS, again.names) == (["second"], done.names)


async def cancelled(**_: Any) -> None:
    raise CancelledError


@pytest.mark.django_db(transaction=True)
def test_a_receiver_in_which_something_was_cancelled_has_raised() -> None:
    signals.task_ended.connect(cancelled)
    try:
        assert dispatch(OF_TASK, RESULT, object, [], "default").error == f"{__name__}.cancelled: CancelledError: "
    finally:
        signals.task_ended.disconnect(cancelled)


def test_two_receivers_of_one_name_are_two() -> None:
    def make() -> Any:
        def receiver(**_: Any) -> None: ...

        return receiver

    both = [make(), make()]
    for receiver in both:
        signals.task_ended.connect(receiver)
    try:
        one, other = [name for name, _ in receivers_of(signals.task_ended, object) if "make" in name]
    finally:
        for receiver in both:
            signals.task_ended.disconnect(receiver)
    assert other == f"{one} (2)"
