"""The names of tasks that enqueue() makes."""

import subprocess
import sys
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.names import scheduled_task_name, step_task_name
from djangotasks_api.task_ids import END_MS, id_for, is_in_order, is_new_id, new_id, order_labels

NOW_MS = 1_795_970_000_000  # 2026-11-29
NEW = "000025dd-7d89-8b7f-9c1f-3f0f5f3a9e11"  # of NOW_MS
RANDOM = "7b2c6f0e-5b1e-4c55-9d0f-3f0f5f3a9e11"  # as of earlier versions
KEYED = id_for("shop.send", "order-1")
SLOT = scheduled_task_name("nightly", datetime(2026, 11, 23, 4, 5, tzinfo=UTC))
times = st.integers(0, END_MS)


def test_a_key_of_a_task_has_one_id() -> None:
    """The same as in each version before: while versions roll, one key must not make two tasks."""
    assert KEYED == id_for("shop.send", "order-1") == "d4007bd9-d4c1-5d2c-966e-8ec538a3dcc3"
    others = {id_for("shop.send", "order-2"), id_for("shop.pay", "order-1"), new_id(), new_id()}
    assert len(others | {KEYED}) == 5


@pytest.mark.parametrize(
    ("now_ms", "start"),
    [
        (0, "00003fff-ffff-8fff-"),
        (NOW_MS, "000025dd-7d89-8b7f-"),
        (END_MS - 1, "00000000-0000-8001-"),
        (END_MS, "00000000-0000-8000-"),
        # A clock that is wrong makes an id all the same.
        (END_MS + 1, "00000000-0000-8000-"),
        (-1, "00003fff-ffff-8fff-"),
    ],
)
def test_an_id_counts_the_milliseconds_that_are_left(now_ms: int, start: str) -> None:
    assert new_id(now_ms).startswith(start)


@given(times, times)
def test_of_two_times_the_later_comes_first(one: int, other: int) -> None:
    """Whatever the clock was before: an id knows no other one."""
    if one != other:
        assert (new_id(one) < new_id(other)) is (one > other)
        # As do the tasks of a workflow, which are named after it.
        assert (step_task_name(new_id(one), "b", 1) < step_task_name(new_id(other), "a", None)) is (one > other)


@given(times)
def test_ids_of_one_millisecond_differ(now_ms: int) -> None:
    """As where a clock steps back, and comes to the same time again."""
    ids = [new_id(now_ms) for _ in range(50)]
    assert len({*ids}) == 50
    assert {uuid.UUID(id_).version for id_ in ids} == {8}
    assert {uuid.UUID(id_).variant for id_ in ids} == {uuid.RFC_4122}
    assert all(is_new_id(id_) and is_in_order(id_) for id_ in ids)


FORKED = """
import os
from djangotasks_api.task_ids import new_id
new_id(1)
for _ in range(3):
    if os.fork() == 0:
        break
os.write(1, "".join(new_id(1) + "\\n" for _ in range(100)).encode())  # at once: it is not mixed with the others'
"""


@pytest.mark.thorough
def test_ids_of_forked_processes_differ_in_one_millisecond() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True)
    ids = done.stdout.split()
    assert len({*ids}) == len(ids) == 400


@pytest.mark.parametrize("name", [*(id_for("shop.send", f"order-{n}") for n in range(9)), RANDOM, SLOT, "a", "0001"])
def test_other_names_come_after_new_ids(name: str) -> None:
    """But for one in some 400,000 of those with a key."""
    assert new_id(0) < name


@pytest.mark.parametrize(
    ("name", "new", "in_order"),
    [
        (NEW, True, True),
        (RANDOM, True, False),
        (NEW.upper(), False, False),
        (NEW.replace("-", ""), False, False),
        (f"{{{NEW}}}", False, False),
        # Of the right version, and of no time.
        ("fe5ddac2-1234-8123-8123-123456789abc", False, False),
        # Of no variant of UUIDs as they are made today.
        (NEW[:19] + "0" + NEW[20:], False, False),
        (KEYED, False, False),
        (SLOT, False, False),
        (step_task_name(NEW, "resize", 7), False, True),
        (step_task_name(KEYED, "resize", 7), False, False),
        (NEW + "1", False, False),
        ("", False, False),
        ("-", False, False),
        ("é" * 36, False, False),
    ],
)
def test_which_names_are_new_ids_and_which_tell_the_time(name: str, new: bool, in_order: bool) -> None:
    assert (is_new_id(name), is_in_order(name)) == (new, in_order)
    assert order_labels(name) == ({"djangotasks.dev/in-order": ""} if in_order else {})


def test_the_same_bits_make_the_same_id() -> None:
    assert new_id(1_000, 7) == new_id(1_000, 7) != new_id(1_000, 8)
    assert is_in_order(new_id(1_000, 7))
