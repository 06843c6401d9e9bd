"""Keys stand in line in order, wherever they were put in and taken out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from djangotasks_operator.scheduling.line import Line, sort_key
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
            assert first is None or name in line.queues()
