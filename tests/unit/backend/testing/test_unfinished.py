"""What of a store has not finished, without a look at all that has."""

from typing import Any

import pytest

from django_tasks_kubernetes.testing.unfinished import Unfinished
from djangotasks_api.phases import Phase
from tests.unit.backend.testing.counting import Counting


def names(unfinished: Unfinished) -> list[str]:
    return [resource["name"] for resource in unfinished]


def resource(name: str, phase: Phase = Phase.QUEUED) -> dict[str, Any]:
    return {"name": name, "status": {"phase": phase}}


def test_they_are_in_the_order_of_their_creation() -> None:
    store = {name: resource(name) for name in "cab"}
    unfinished = Unfinished(store)
    assert names(unfinished) == ["c", "a", "b"]
    store["0"] = resource("0")
    store["c"]["status"] = {"phase": Phase.RUNNING}
    store["a"]["status"] = {"phase": Phase.CANCELLED}
    assert names(unfinished) == ["c", "b", "0"]


@pytest.mark.parametrize("removed", ["a", "b"])
def test_what_is_removed_is_not_there(removed: str) -> None:
    store = {name: resource(name) for name in "ab"}
    unfinished = Unfinished(store)
    assert names(unfinished) == ["a", "b"]
    del store[removed]
    store["c"] = resource("c")
    assert names(unfinished) == sorted({"a", "b", "c"} - {removed})


def test_what_is_removed_and_made_again_is_there() -> None:
    store = {"a": resource("a", Phase.SUCCEEDED)}
    unfinished = Unfinished(store)
    assert names(unfinished) == []
    del store["a"]
    store["a"] = resource("a")
    assert names(unfinished) == ["a"]


def test_of_one_by_one_each_is_read_once() -> None:
    store = Counting()
    unfinished = Unfinished(store)
    for number in range(100):
        store[str(number)] = resource(str(number))
        assert names(unfinished) == [str(number)]
        store[str(number)]["status"] = {"phase": Phase.SUCCEEDED}
    assert store.read <= 200
