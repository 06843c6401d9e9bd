"""When Python's garbage collector works in a task's process."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from django_tasks_kubernetes.runner.collector import GC_VARIABLE, paused


class Cycle:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As Python sets it up; afterwards as it was, since this process has other tests."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    gc.unfreeze()
    monkeypatch.delenv(GC_VARIABLE, raising=False)
    yield
    # What was frozen before is frozen again: searching it is slow.
    gc.freeze()
    gc.enable()
    gc.set_threshold(*before)


def collections() -> int:
    return sum(generation["collections"] for generation in gc.get_stats())


def make_garbage() -> list["weakref.ref[Cycle]"]:
    """More than makes Python collect."""
    return [weakref.ref(Cycle()) for _ in range(20_000)]


def test_nothing_is_collected_while_it_is_paused() -> None:
    with paused():
        before = collections()
        garbage = make_garbage()
        assert collections() == before
        assert all(one() is not None for one in garbage)


def test_afterwards_it_works_as_before_and_leaves_out_what_exists() -> None:
    before = gc.get_threshold()
    with paused():
        garbage = make_garbage()
    assert (gc.isenabled(), gc.get_threshold()) == (True, before)
    assert gc.get_freeze_count() > 0
    count = collections()
    later = make_garbage()
    gc.collect()
    assert collections() > count
    assert all(one() is None for one in later)
    if (
        sys._is_gil_enabled() if hasattr(sys, "_is_gil_enabled") else True
    ):  # a free-threaded build frees it all the same
        assert all(one() is not None for one in garbage)


@pytest.mark.parametrize("wanted", ["default", "never"])
def test_variable_keeps_what_python_does(
    wanted: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A word that nothing is known of is reported, and fails no task."""
    monkeypatch.setenv(GC_VARIABLE, wanted)
    before = gc.get_threshold()
    with paused():
        assert (gc.get_threshold() == before) is (wanted == "default")
    assert (gc.get_freeze_count() == 0) is (wanted == "default")
    assert caplog.messages == (
        [] if wanted == "default" else ["DJANGOTASKS_GC must be 'default', or not be set; not 'never'."]
    )


def test_thresholds_that_a_project_sets_are_kept() -> None:
    with paused():
        gc.set_threshold(50_000, 20, 5)
    assert gc.get_threshold()[:2] == (50_000, 20)


def test_collector_that_a_project_turns_off_stays_off() -> None:
    before = gc.get_threshold()
    with paused():
        gc.disable()
    assert not gc.isenabled()
    assert gc.get_threshold() == before


def test_it_works_again_after_an_error() -> None:
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), paused():
        raise ZeroDivisionError
    assert gc.get_threshold() == before
