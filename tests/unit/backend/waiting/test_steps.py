"""What following one task and following many asks for next. No time passes, and nothing is waited for."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import InvalidResource
from django_tasks_kubernetes.waiting.steps import (
    APPEAR_SECONDS,
    LISTED_AT_ONCE,
    POLL_SECONDS,
    Emit,
    ManyTasks,
    OneTask,
    RunBlocking,
    Steps,
    TaskSource,
    WaitForChange,
)
from django_tasks_kubernetes.watch.subscription import State, Subscription
from tests.unit.backend.resources import FakeTasks, resource


@dataclass
class Result:
    """As much of a result as the steps look at."""

    name: str
    phase: str

    @property
    def is_finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    def same_state(self, other: "Result") -> bool:
        return self.phase == other.phase


def decode(found: Resource) -> Any:
    if found["status"]["phase"] == "Odd":
        raise InvalidResource("its phase is odd")
    return Result(found["metadata"]["name"], found["status"]["phase"])


@dataclass
class Clock:
    now: float = 100.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr("django_tasks_kubernetes.waiting.steps.time.monotonic", lambda: found.now)
    return found


@dataclass
class Follower:
    """Takes steps until there is nothing to do but to wait."""

    tasks: FakeTasks = field(default_factory=FakeTasks)
    pending: Callable[[str], bool] | None = None
    subscription: Subscription = field(default_factory=lambda: Subscription(lambda: None, name="one"))
    steps: Steps[Any] = field(default_factory=lambda: iter(()))

    @property
    def source(self) -> TaskSource[Any]:
        return TaskSource(store=lambda: cast("Any", self.tasks), decode=decode, is_pending=self.pending)

    def one(self, **options: Any) -> "Follower":
        self.steps = OneTask(self.source, "one", self.subscription, **options).steps()
        return self

    def many(self) -> "Follower":
        self.subscription = Subscription(lambda: None)
        self.steps = ManyTasks(self.source, "spec.queue=mail", self.subscription).steps()
        return self

    def phase(self, phase: str, version: int = 1, name: str = "one") -> None:
        self.subscription.put(name, version, resource(name, version=version, phase=phase))

    def take(self) -> list[Any]:
        """Phases that were emitted, and how long to wait; None at the end stands for no limit."""
        done: list[Any] = []
        for step in self.steps:
            match step:
                case Emit(result):
                    done.append(str(cast("Any", result).phase))
                case RunBlocking():
                    step.run()
                case WaitForChange(seconds):
                    return [*done, seconds]
        return [*done, "over"]


def test_one_task_is_emitted_for_each_state_and_until_it_is_finished() -> None:
    follower = Follower().one()
    assert follower.take() == [None]
    follower.phase("Queued")
    assert follower.take() == ["Queued", None]
    follower.phase("Queued", version=2)
    assert follower.take() == [None]
    follower.phase("Failed", version=3)
    assert follower.take() == ["Failed", "over"]


def test_one_task_is_repeated_while_nothing_changes(clock: Clock) -> None:
    follower = Follower().one(repeat=10)
    follower.phase("Running")
    assert follower.take() == ["Running", 10]
    clock.now += 4
    assert follower.take() == [6]
    clock.now += 6
    assert follower.take() == ["Running", 10]


def test_one_task_is_followed_until_the_time_is_over(clock: Clock) -> None:
    follower = Follower().one(timeout=15, repeat=10)
    follower.phase("Running")
    assert follower.take() == ["Running", 10]
    clock.now += 12
    assert follower.take() == ["Running", 3]
    clock.now += 3
    assert follower.take() == ["over"]


@pytest.mark.parametrize("state", [State.MISSING, State.DELETED])
def test_one_task_that_is_gone_ends_the_wait(state: State) -> None:
    follower = Follower().one()
    follower.subscription.put("one", 1, state)
    with pytest.raises(TaskResultDoesNotExist):
        follower.take()


def test_one_task_that_is_yet_to_be_created_is_asked_for(clock: Clock) -> None:
    pending = {"one"}
    follower = Follower(pending=lambda name: name in pending).one()
    follower.subscription.put("one", 1, State.MISSING)
    for _ in range(20):
        assert follower.take() == [POLL_SECONDS]
        clock.now += POLL_SECONDS
    pending.clear()
    assert follower.take() == [POLL_SECONDS]
    follower.phase("Queued", version=2)
    assert follower.take() == ["Queued", None]


def test_one_task_that_is_pending_no_more_and_does_not_appear_ends_the_wait(clock: Clock) -> None:
    follower = Follower(pending=lambda name: False).one()
    follower.subscription.put("one", 1, State.MISSING)
    assert follower.take() == [POLL_SECONDS]
    clock.now += APPEAR_SECONDS
    assert follower.take() == [POLL_SECONDS]
    clock.now += 0.1
    with pytest.raises(TaskResultDoesNotExist):
        follower.take()


def tasks(count: int) -> FakeTasks:
    return FakeTasks(*(resource(f"t{number}", version=number + 1, phase="Queued") for number in range(count)))


def test_many_tasks_begin_with_those_that_there_are() -> None:
    follower = Follower(tasks(LISTED_AT_ONCE + 1)).many()
    assert follower.take() == ["Queued"] * (LISTED_AT_ONCE + 1) + [None]
    assert follower.tasks.selectors == ["spec.queue=mail"]


def test_many_tasks_are_emitted_once_for_each_version() -> None:
    follower = Follower(tasks(2)).many()
    follower.phase("Queued", version=2, name="t1")
    assert follower.take() == ["Queued", "Queued", None]
    follower.phase("Running", version=5, name="t1")
    assert follower.take() == ["Running", None]
    follower.subscription.put("t1", 6, State.DELETED)
    assert follower.take() == [None]
    follower.phase("Queued", version=3, name="t1")
    assert follower.take() == ["Queued", None], "another task of the name"


def test_many_tasks_are_listed_again_after_a_gap() -> None:
    follower = Follower(tasks(1)).many()
    assert follower.take() == ["Queued", None]
    follower.tasks.resources = tasks(2).resources
    follower.subscription.mark_gap()
    assert follower.take() == ["Queued", None]
    assert len(follower.tasks.selectors) == 2


def test_a_task_whose_state_was_dropped_is_read() -> None:
    follower = Follower(tasks(1)).many()
    assert follower.take() == ["Queued", None]
    follower.tasks.resources["t0"] = resource("t0", version=9, phase="Succeeded")
    follower.subscription.put("t0", 9, State.CHANGED)
    follower.subscription.put("gone", 9, State.CHANGED)
    assert follower.take() == ["Succeeded", None]


def test_a_task_that_is_no_result_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    follower = Follower(tasks(1)).many()
    follower.phase("Odd", version=7, name="odd")
    with caplog.at_level(logging.WARNING):
        assert follower.take() == ["Queued", None]
    assert "its phase is odd" in caplog.text


def test_a_problem_of_the_subscription_ends_both() -> None:
    for follower in (Follower().one(), Follower(tasks(1)).many()):
        follower.subscription.fail(OSError("away"))
        with pytest.raises(OSError, match="away"):
            follower.take()
