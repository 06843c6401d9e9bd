"""What is admitted, whatever happens in whatever order, also when limits change."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from djangotasks_operator.scheduling.line import SortKey
from djangotasks_operator.scheduling.scheduler import QueueQuota, Scheduler
from tests.unit.operator.scheduling.keys import key_of

RATES: dict[str, tuple[int, float]] = {"a": (2, 3.0), "b": (1, 0.5)}
WEIGHTS = {"a": 1, "b": 2, "c": 5}
MOST_STARTING = 4


class Admissions(RuleBasedStateMachine):
    """What is admitted is judged one by one, by what the test itself knows of the places, the starts and what waits."""

    def __init__(self) -> None:
        super().__init__()
        self.scheduler: Scheduler[int, str] = Scheduler(starting_limit=MOST_STARTING)
        self.now = 0.0
        self.limits: dict[str, int | None] = dict.fromkeys("abc")
        self.suspended: set[str] = set()
        self.waiting: dict[int, tuple[str, SortKey]] = {}
        self.places: dict[int, str] = {}
        self.starting: dict[int, str] = {}
        self.reported: dict[str, float] = {}
        self.starts: dict[str, list[float]] = {queue: [] for queue in "abc"}

    def share(self, queue: str) -> QueueQuota:
        limit, rate = self.limits[queue], RATES.get(queue)
        return QueueQuota(concurrency=limit, weight=WEIGHTS[queue], rate=rate, suspended=queue in self.suspended)

    def may_start(self, queue: str) -> bool:
        limit, (number, period) = self.limits[queue], RATES.get(queue, (1000, 1.0))
        return (
            queue not in self.suspended
            and (limit is None or list(self.places.values()).count(queue) < limit)
            and sum(self.now - period < start for start in self.starts[queue]) < number
        )

    def candidates(self) -> dict[str, int]:
        """The queues that may start one, with the first of what waits there."""
        first: dict[str, tuple[SortKey, int]] = {}
        for key, (queue, position) in self.waiting.items():
            first[queue] = min(first.get(queue, (position, key)), (position, key))
        return {queue: key for queue, (_, key) in first.items() if self.may_start(queue)}

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"), priority=st.integers(-3, 3))
    def enqueue(self, key: int, queue: str, priority: int) -> None:
        position = key_of(priority, key, str(key))
        self.scheduler.enqueue(key, queue, position)
        if key not in self.places:
            self.waiting[key] = (queue, position)

    @rule(key=st.integers(0, 12), queue=st.sampled_from("abc"))
    def mark_admitted(self, key: int, queue: str) -> None:
        """Also what was never admitted, as a new operator finds it."""
        self.scheduler.mark_admitted(key, self.places.setdefault(key, queue))
        self.waiting.pop(key, None)
        self.starting.pop(key, None)

    @rule(key=st.integers(0, 12))
    def release(self, key: int) -> None:
        assert self.scheduler.forget(key) is (self.places.pop(key, None) is not None)
        self.waiting.pop(key, None)
        self.starting.pop(key, None)

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(queue=st.sampled_from("abc"), limit=st.none() | st.integers(1, 3))
    def change_the_limit(self, queue: str, limit: int | None) -> None:
        self.limits[queue] = limit
        self.scheduler.limits_changed(queue)

    @rule(queue=st.sampled_from("abc"))
    def suspend_or_resume(self, queue: str) -> None:
        self.suspended ^= {queue}
        self.scheduler.limits_changed(queue)

    @rule()
    def admit(self) -> None:
        for key in self.scheduler.admit(self.share, self.now):
            assert len(self.starting) < MOST_STARTING
            (queue, _), candidates = self.waiting[key], self.candidates()
            assert candidates.get(queue) == key, "it is the first of a queue that may start one"
            on_the_way = {q: list(self.starting.values()).count(q) / WEIGHTS[q] for q in candidates}
            assert on_the_way[queue] == min(on_the_way.values()), "its queue has the least for its weight"
            del self.waiting[key]
            self.places[key] = self.starting[key] = queue
            self.starts[queue].append(self.now)
        assert len(self.starting) == MOST_STARTING or not self.candidates(), "nothing is held that may start"
        self.a_key_held_by_the_rate_alone_has_the_time_when_it_may_start()
        if len(self.starting) < MOST_STARTING:
            now, self.now = self.now, self.now + 3.0
            later = self.candidates()
            self.now = now
            for queue in later:
                assert self.reported.get(queue, 0.0) > self.now, "who only has to wait is reported, until when"

    @rule()
    def a_key_held_by_the_rate_alone_has_the_time_when_it_may_start(self) -> None:
        for key, seconds in self.scheduler.delayed(self.share, self.now):
            queue, _ = self.waiting[key]
            assert not self.may_start(queue)
            now, self.now = self.now, self.now + seconds + 1e-9
            assert self.candidates().get(queue) == key
            self.now = now
            self.reported[queue] = self.now + seconds

    @invariant()
    def places_agree(self) -> None:
        assert all(self.scheduler.is_admitted(key) for key in self.places)
        assert self.scheduler.waiting() == len(self.waiting)


TestAdmissions = Admissions.TestCase
