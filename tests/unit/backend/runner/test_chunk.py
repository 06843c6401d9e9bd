"""Chunks: what becomes of each item, in one attempt and over several."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import override_settings

from django_tasks_kubernetes import Retry
from django_tasks_kubernetes.chunks import enqueue_chunks
from django_tasks_kubernetes.codec.decode import decode
from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.exceptions import StorageFailed
from django_tasks_kubernetes.runner.execute import execute
from django_tasks_kubernetes.runner.process import Terminated, Termination
from django_tasks_kubernetes.task import AnyTask
from django_tasks_kubernetes.testing import InMemoryBackend, in_memory
from djangotasks_api.items import ItemsReport
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_api.workflow.ranges import Indexes
from tests.unit.backend.runner.chunk_tasks import (
    WORLD,
    Never,
    World,
    act,
    act_async,
    act_async_in_a_database,
    act_async_on_and_on,
    mends,
    says,
)
from tests.unit.backend.runner.test_errors import UNREADABLE

LOCAL = {"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": []}}


@pytest.fixture(autouse=True)
def world() -> Iterator[World]:
    WORLD.__init__()  # type: ignore[misc]  # again for each test
    logging.disable()
    yield WORLD
    logging.disable(logging.NOTSET)


RAISED: BaseException = ValueError()


@task
def raises_on_13(item: int) -> int:
    if item == 13:
        raise RAISED
    return item


def attempt(
    task: AnyTask, items: list[int], *more: Any, kwargs: dict[str, Any] | None = None, **options: Any
) -> Outcome:
    """How the first attempt at a chunk ends, as in its pod."""
    with in_memory() as cluster:
        enqueue_chunks(task, items, *more, kwargs=kwargs)
        (resource,) = cluster.resources.values()
        result = decode(resource, alias="default")
    return execute(
        result,
        "pod-1",
        sender=InMemoryBackend,
        started=lambda at: None,
        finished=lambda outcome: None,
        interrupted=lambda: WORLD.interrupted,
        **options,
    )


def test_the_function_is_called_for_each_item_with_the_same_further_arguments() -> None:
    outcome = attempt(act, [1, 2, 3], 10, kwargs={"log": []})
    assert (outcome.result, outcome.length, outcome.reason, outcome.items) == ("[10,20,30]", 3, None, None)
    assert outcome.progress is not None
    assert (outcome.progress.done, outcome.progress.total) == (3, 3)


def test_an_item_that_fails_keeps_none_of_the_others_from_running() -> None:
    outcome = attempt(act, [1, 13, 14, 2], retried=lambda error: not isinstance(error, Never))
    assert (outcome.reason, outcome.retryable, outcome.result) == (Reason.TASK_ERROR, True, None)
    assert outcome.error is not None
    assert outcome.error.headline.endswith("ItemsFailed: 2 of 4 items failed. Item 1: ValueError: no 13")
    assert 'raise ValueError("no 13")' in outcome.error.traceback
    items = outcome.items
    assert items is not None
    assert (items.completed, items.failed, items.result) == ("0,3", "2", "[1,null,null,2]")
    assert [(error.item, error.message.rpartition(".")[2]) for error in items.errors] == [
        (1, "ValueError: no 13"),
        (2, "Never: never 14"),
    ]


def test_a_failure_that_no_item_has_another_try_for_is_final() -> None:
    outcome = attempt(act, [1, 14], retried=lambda error: False)
    assert not outcome.retryable


def test_an_async_function_is_called_for_each_item() -> None:
    outcome = attempt(act_async, [1, 13, 2])
    assert outcome.items is not None
    assert (outcome.items.completed, outcome.items.result) == ("0,2", "[1,null,2]")


def test_broken_connections_of_async_items_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of their own thread, or all items after it fail: https://github.com/celery/django-celery/issues/121"""
    closed: list[Any] = []
    monkeypatch.setattr("django.db.close_old_connections", lambda: closed.append(connections["default"]))
    attempt(act_async_in_a_database, [1, 2])
    assert len(closed) == 2
    assert all(one is other for one, other in zip(closed, WORLD.connections, strict=True))


def test_the_longest_wait_that_an_item_asks_for_is_kept() -> None:
    outcome = attempt(act, [13, 15])
    assert outcome.retry_after == 77


def test_an_item_may_raise_what_takes_no_traceback() -> None:
    outcome = attempt(act, [19, 1])
    assert outcome.items is not None
    assert (outcome.items.completed, outcome.items.errors[0].message.rpartition(".")[2]) == ("1", "Frozen: no 19")


def test_an_item_whose_exception_cannot_be_asked_what_it_is_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.RAISED", UNREADABLE["module"]())
    outcome = attempt(raises_on_13, [1, 13, 2])
    assert outcome.items is not None
    assert (outcome.items.completed, outcome.items.result) == ("0,2", "[1,null,2]")


def test_an_item_that_exits_with_0_has_returned_nothing() -> None:
    outcome = attempt(act, [16, 1])
    assert outcome.result == "[null,1]"


def test_an_item_that_may_have_been_ended_by_sigterm_has_not_returned() -> None:
    """A handler of a library, which calls sys.exit(0): the runner's own is not asked then."""
    outcome = attempt(act, [1, 16, 2], check_exit=Termination().check_exit)
    assert outcome.items is not None
    assert (outcome.items.completed, outcome.items.failed, outcome.retryable) == ("0,2", "", True)
    assert [error.type for error in outcome.items.errors] == ["django_tasks_kubernetes.runner.process.AmbiguousExit"]


@pytest.mark.parametrize("item", [17, 20])
def test_a_value_that_is_no_json_fails_its_item_for_good(item: int) -> None:
    outcome = attempt(act, [item, 1])
    assert outcome.items is not None
    assert (outcome.items.failed, outcome.items.completed, outcome.retryable) == ("0", "1", False)


@pytest.mark.parametrize("items", [[21], [21, 14], [21, 13]])
def test_results_that_are_too_large_together_fail_the_chunk_and_say_so(items: list[int]) -> None:
    """Also where an item has failed, which would have been the only one that is named: what the others have returned
    cannot be kept. See https://github.com/argoproj/argo-workflows/issues/765."""
    outcome = attempt(act, items)
    assert (outcome.reason, outcome.retryable, outcome.items) == (Reason.RESULT_TOO_LARGE, False, None)
    assert outcome.error is not None
    assert str(outcome.error.message).endswith("Or put fewer items in a chunk: size.")


def test_a_storage_that_takes_no_results_may_take_them_in_another_attempt() -> None:
    def away(text: str) -> Any:
        raise StorageFailed("away")

    outcome = attempt(act, [21, 14], store=away)
    assert (outcome.reason, outcome.retryable, outcome.items) == (Reason.RESULT_NOT_STORED, True, None)
    WORLD.interrupted = False
    left: list[ItemsReport] = []
    with pytest.raises(Terminated):
        attempt(act, [21, 18], store=away, leave=left.append)
    assert left == [ItemsReport()]


@pytest.mark.parametrize(("items", "left"), [([1, 13, 18, 2], [("0", "[1,null,null,null]")]), ([18, 1], [])])
def test_what_was_done_is_left_where_the_attempt_is_ended(items: list[int], left: list[tuple[str, str]]) -> None:
    reported: list[ItemsReport] = []
    with pytest.raises(Terminated):
        attempt(act, items, leave=reported.append)
    assert [(report.completed, report.result) for report in reported] == left
    assert max(WORLD.calls) == 18
    assert sum(WORLD.calls.values()) == items.index(18) + 1


@pytest.mark.parametrize(("task", "returned"), [(act, "null"), (act_async_on_and_on, "22")])
def test_no_item_begins_when_one_has_caught_the_end_of_the_attempt(task: AnyTask, returned: str) -> None:
    """A bare `except:`, or an exception that Python ignores since it comes in a __del__: the signal comes once, and the
    kubelet kills the pod later, and with it all that was done. See https://github.com/freelabz/secator/pull/1372."""
    left: list[ItemsReport] = []
    with pytest.raises((Terminated, asyncio.CancelledError)):
        attempt(task, [1, 22, 2], leave=left.append)
    assert [(report.completed, report.result) for report in left] == [("0-1", f"[1,{returned},null]")]
    assert WORLD.calls == {1: 1, 22: 1}


@pytest.mark.parametrize("task", [act, act_async_on_and_on])
def test_a_chunk_whose_last_item_returns_all_the_same_has_succeeded(task: AnyTask) -> None:
    assert attempt(task, [1, 22]).succeeded


def test_the_next_attempt_runs_what_failed_alone(world: World) -> None:
    retried = act.using(retry=Retry(max_attempts=3, never=(Never,)))
    with override_settings(TASKS=LOCAL):
        results = enqueue_chunks(retried, [1, 13, 14, 2])
        assert world.calls == {1: 1, 13: 3, 14: 1, 2: 1}
        (result,) = results
        assert (result.status, result.attempts) == ("FAILED", 3)
        assert results.return_values == [1, None, None, 2]
        assert [(found.index, found.item, found.error.exception_class) for found in results.failed] == [
            (1, 13, ValueError),
            (2, 14, Never),
        ]


def test_an_item_that_succeeds_at_last_is_in_the_result(world: World) -> None:
    retried = mends.using(retry=Retry(max_attempts=2))
    with override_settings(TASKS=LOCAL):
        assert enqueue_chunks(retried, [1, 13, 2]).get() == [1, 13, 2]
    assert world.calls == {1: 1, 13: 2, 2: 1}


def test_which_items_are_wanted_is_not_read_again_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10,000 items every second: 5,000 ranges, and 14 s in all."""
    reads: list[str] = []
    parse = Indexes.parse

    def counted(text: str) -> Indexes:
        reads.append(text)
        return parse(text)

    def reads_of(items: int) -> int:
        with in_memory() as cluster:
            enqueue_chunks(act, [1] * 2 * items)
            (resource,) = cluster.resources.values()
            resource["spec"]["chunk"] |= {"only": ",".join(map(str, range(0, 2 * items, 2)))}
            reads.clear()
            cluster.run_pending()
            assert WORLD.calls[1] == items
            WORLD.calls.clear()
        return len(reads)

    monkeypatch.setattr(Indexes, "parse", counted)
    assert reads_of(2) == reads_of(20)


def test_the_progress_is_that_of_the_chunk() -> None:
    with in_memory() as cluster:
        (result,) = enqueue_chunks(says, [5, 6])
        cluster.run_pending()
        said = [(at.done, at.total, at.message) for at in cluster.progress(result.id)]
    assert said == [
        (0, 2, "item 5"), (0, 2, "item 5"), (1, 2, None), (1, 2, "item 6"), (1, 2, "item 6"), (2, 2, None),
    ]  # fmt: skip
