"""How long answers are kept, with a clock of the test's own."""

import threading

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.admin.keeping import ANSWERS_MAX, LEAST_SECONDS, MOST_SECONDS, Keeper
from django_tasks_kubernetes.exceptions import ApiUnavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Source:
    """Counts its reads, each of which takes so many seconds."""

    def __init__(self, clock: Clock, seconds: float = 0.0) -> None:
        self.clock, self.seconds, self.reads = clock, seconds, 0
        self.problem: TaskException | None = None

    def __call__(self) -> int:
        self.reads += 1
        self.clock.now += self.seconds
        if self.problem is not None:
            raise self.problem
        return self.reads


def test_a_cheap_answer_is_kept_for_two_seconds() -> None:
    clock = Clock()
    keeper, source = Keeper(clock), Source(clock)
    assert keeper.get("a", source).value == 1
    clock.now += 1.9
    assert keeper.get("a", source).value == 1
    clock.now += 0.2
    assert keeper.get("a", source).value == 2


def test_an_answer_is_kept_for_sixty_times_its_cost() -> None:
    clock = Clock()
    keeper, source = Keeper(clock), Source(clock, seconds=0.1)
    keeper.get("a", source)
    clock.now += 5.9
    assert keeper.get("a", source).value == 1
    clock.now += 0.2
    assert keeper.get("a", source).value == 2


def test_no_answer_is_kept_for_more_than_thirty_seconds() -> None:
    clock = Clock()
    keeper, source = Keeper(clock), Source(clock, seconds=4.0)
    keeper.get("a", source)
    clock.now += 30.1
    assert keeper.get("a", source).value == 2


def test_fresh_reads_again_once_a_second() -> None:
    clock = Clock()
    keeper, source = Keeper(clock), Source(clock, seconds=1.0)
    keeper.get("a", source)
    clock.now += 0.9
    assert keeper.get("a", source, fresh=True).value == 1
    clock.now += 0.2
    assert keeper.get("a", source, fresh=True).value == 2


def test_a_failure_keeps_what_was_read_before() -> None:
    clock = Clock()
    keeper, source = Keeper(clock), Source(clock)
    before = keeper.get("a", source)
    clock.now += 3
    source.problem = ApiUnavailable("away")
    answer = keeper.get("a", source)
    assert (answer.value, answer.problem, answer.as_of) == (1, source.problem, before.as_of)
    clock.now += 3
    source.problem = None
    answer = keeper.get("a", source)
    assert (answer.value, answer.problem) == (3, None)


def test_a_failure_is_not_tried_again_by_each_request() -> None:
    clock = Clock()
    keeper, source = Keeper(clock), Source(clock, seconds=5.0)
    source.problem = ApiUnavailable("away")
    for _ in range(3):
        answer = keeper.get("a", source)
        assert (answer.value, answer.problem) == (None, source.problem)
    assert source.reads == 1


def test_few_answers_are_kept() -> None:
    clock = Clock()
    keeper, first, other = Keeper(clock), Source(clock), Source(clock)
    keeper.get("first", first)
    for number in range(ANSWERS_MAX):
        keeper.get(number, other)
    keeper.get("first", first)
    assert first.reads == 2


def test_what_was_changed_is_read_again() -> None:
    clock = Clock()
    keeper, source = Keeper(clock), Source(clock)
    keeper.get("a", source)
    keeper.clear()
    assert keeper.get("a", source).value == 2


def test_a_stampede_is_one_read() -> None:
    keeper, reading, go = Keeper(), threading.Event(), threading.Event()
    reads = []

    def read() -> int:
        reads.append(1)
        reading.set()
        assert go.wait(60)
        return 1

    threads = [threading.Thread(target=keeper.get, args=("a", read), daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert reading.wait(60)
    go.set()
    for thread in threads:
        thread.join(60)
    assert len(reads) == 1


def test_while_it_is_read_others_have_what_was_read_before() -> None:
    """An API server that is slow, and pages that are open, do not take all threads of a web app."""
    clock, reading, go = Clock(), threading.Event(), threading.Event()
    keeper = Keeper(clock)

    def read() -> str:
        reading.set()
        assert go.wait(60)
        return "new"

    keeper.get("a", lambda: "old")
    clock.now += LEAST_SECONDS
    thread = threading.Thread(target=keeper.get, args=("a", read), daemon=True)
    thread.start()
    assert reading.wait(60)
    try:
        assert keeper.get("a", read).value == "old"
        clock.now += MOST_SECONDS
        late: list[str | None] = []
        others = [
            threading.Thread(
                target=lambda fresh: late.append(keeper.get("a", read, fresh=fresh).value), args=(fresh,), daemon=True
            )
            for fresh in (False, True)
        ]
        for one in others:
            one.start()
        assert late == []
    finally:
        go.set()
    for one in (thread, *others):
        one.join(60)
    assert late == ["new", "new"]


def test_a_version_lasts_as_long_as_the_same_is_read() -> None:
    clock = Clock()
    keeper, answers = Keeper(clock), ["a", "a", "b", ApiUnavailable("away"), ApiUnavailable("away"), "b"]

    def read() -> str:
        found = answers.pop(0)
        if isinstance(found, ApiUnavailable):
            raise found
        return str(found)

    versions = []
    while answers:
        versions.append(keeper.get("key", read).version)
        clock.now += 31
    assert [number - versions[0] for number in versions] == [0, 0, 1, 2, 2, 3]
