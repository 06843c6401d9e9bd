"""Keys stand in line in order, wherever they were put in and taken out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from djangotasks_operator.scheduling.line import STALE_MAX, Line, sort_key
from tests.support.builders import at


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.integers(-2, 2), st.booleans())))
def test_the_head_is_the_first_of_its_queue(steps: list[tuple[int, str, int, bool]]) -> None:
    line: Line[int, str] = Line()
    known: dict[int, tuple[str, tuple[object, ...]]] = {}
    for key, queue, priority, taken in steps:
        position = sort_key(priority, at(key), str(key))
        if taken:
            line.pop(key)
            known.pop(key, None)
        else:
            line.put(key, queue, position)
            known[key] = queue, position
        assert len(line) == len(known)
        for name in "ab":
            first = min(((at_, key) for key, (queue, at_) in known.items() if queue == name), default=None)
            assert line.head(name) == first
            assert line.has_any(name) is (first is not None)


def test_keys_that_leave_from_behind_the_head_are_forgotten() -> None:
    """As where nothing starts for days, and tasks are cancelled, expire, or get other places."""
    line: Line[int, str] = Line()
    line.put(0, "held", sort_key(9, at(0), "0"))
    for key in range(1, 2000):
        line.put(key, "held", sort_key(0, at(key), str(key)))
        line.put(key, "held", sort_key(1, at(key), str(key)))
        line.pop(key)
    assert line.head("held") == (sort_key(9, at(0), "0"), 0)
    assert sum(map(len, line._heaps.values())) < 2 * STALE_MAX
    line.pop(0)
    assert not line._heaps
