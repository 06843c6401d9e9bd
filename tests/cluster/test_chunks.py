"""Chunks on the cluster: one container for many calls, by enqueue_chunks() and in a workflow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from shop import probes

from django_tasks_kubernetes import Fixed, Retry
from django_tasks_kubernetes.chunks import ChunkResults, enqueue_chunks
from tests.support.stage import PODS
from tests.support.tasks import FINISH_SECONDS
from tests.support.workflows import create, finish, step

if TYPE_CHECKING:
    from tests.support.stage import Stage


@pytest.mark.usefixtures("backend")
def test_what_failed_is_tried_again_alone() -> None:
    twice: Any = probes.fail_until
    # An item is the attempt from which on it succeeds.
    results: ChunkResults[int] = enqueue_chunks(
        twice.using(retry=Retry(max_attempts=2, backoff=Fixed(delay=0.1))), [1, 2, 1, 9, 1], size=4
    )
    results.wait(FINISH_SECONDS)
    # What succeeded in the first attempt has its result from there.
    assert results.return_values == [1, 2, 1, None, 1]
    assert [result.attempts for result in results] == [2, 1]
    assert [(found.index, found.item) for found in results.failed] == [(3, 9)]
    error: Any = results.failed[0].error
    assert error.message == "shop.failures.CardDeclined: attempt 2 of 9" or error.message.endswith("attempt 2 of 9")
    (again,) = results.retry().wait(FINISH_SECONDS)
    assert (again.args, again.status) == ([[9]], "FAILED")


def test_a_map_in_chunks_is_one_list_over_its_items(stage: Stage) -> None:
    chunks = step("map", "fail_until", inputs={"/each": None}, map={"list": "items", "chunk": 2}, maxFailedIndexes=1)
    name = create(
        stage,
        chunks | {"payload": '{"each":null,"args":[],"kwargs":{}}'},
        step("last", "echo", None, inputs={"/args/0": "map"}),
        lists=[{"name": "items", "items": "[1, 1, 1, 9, 1]"}],
    )
    status = finish(stage, name)
    assert status["phase"] == "Succeeded", stage.tell(status)
    assert (status["progress"], status["steps"]["map"]["width"]) == ("6/6", 5)
    assert (status["steps"]["map"]["completedIndexes"], status["steps"]["map"]["failedIndexes"]) == ("0-2,4", "3")
    assert json.loads(stage.status(f"{name}-last")["result"])["args"] == [[1, 1, 1, None, 1]]
    failed = stage.status(f"{name}-map-00001")
    assert (failed["phase"], failed["items"]["completed"], failed["result"]) == ("Failed", "0", "[1,null]")
    assert [error["item"] for error in failed["items"]["errors"]] == [1]


def test_what_a_pod_has_done_is_kept_when_it_is_taken_away(stage: Stage) -> None:
    payload = '{"each":[0,600],"args":[],"kwargs":{}}'
    name = stage.enqueue("sleep", chunk={"size": 2}, payload=payload)
    stage.wait(name, lambda status: (status.get("progress") or {}).get("text") == "1/2", "the first item is over")
    stage.request("DELETE", f"{PODS}/{name}-1")
    status = stage.wait(name, lambda status: status.get("items"), "what was done is kept")
    assert (status["items"]["completed"], json.loads(status["result"])) == ("0", [0, None])
    # The next attempt begins with it.
    stage.wait(
        name,
        lambda status: len(status["attempts"]) == 2 and (status.get("progress") or {}).get("attempt") != 1,
        "the second attempt",
    )
    stage.cancel(name)
    status = stage.wait_phase(name, "Cancelled")
    assert status["items"]["completed"] == "0"
