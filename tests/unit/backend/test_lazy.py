"""A value that is read on first access."""

import copy
import pickle
from typing import Any

import pytest

from django_tasks_kubernetes.lazy import LazyValue, value_of


@pytest.fixture
def reads() -> list[Any]:
    return []


@pytest.fixture
def lazy(reads: list[Any]) -> LazyValue:
    def read() -> dict[str, int]:
        reads.append("read")
        return {"a": 1}

    return LazyValue(read)


def test_lazy_value_is_read_once(lazy: LazyValue, reads: list[Any]) -> None:
    assert (repr(lazy), reads) == ("<in a storage>", [])
    assert value_of(lazy) is value_of(lazy)
    assert (repr(lazy), reads) == ("{'a': 1}", ["read"])


def test_copies_of_a_lazy_value_have_the_value(lazy: LazyValue) -> None:
    deep: Any = copy.deepcopy(lazy)
    assert deep == pickle.loads(pickle.dumps(lazy)) == {"a": 1}
    assert deep is not value_of(lazy)


def test_lazy_value_is_read_again_after_an_error() -> None:
    answers = [["there"], []]

    def read() -> str:
        return answers.pop()[0]

    lazy = LazyValue(read)
    with pytest.raises(IndexError):
        value_of(lazy)
    assert value_of(lazy) == "there"


class InTwoThreads(LazyValue):
    """The other one has read it by the next look at it."""

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name == "_read":
            self._read = None
        return found


def test_lazy_value_may_be_read_in_two_threads() -> None:
    assert value_of(InTwoThreads(lambda: "there")) == "there"


def test_another_value_is_itself() -> None:
    assert value_of([1]) == [1]
