"""Which task of in_memory() runs next."""

from typing import Any

from django_tasks_kubernetes.testing.line import Line
from djangotasks_api.phases import Phase
from tests.unit.backend.testing.counting import Counting


def task(priority: int = 0, phase: Phase = Phase.QUEUED, **times: str) -> dict[str, Any]:
    return {"spec": {"priority": priority} | times, "status": {"phase": phase}}


class Worker:
    """Takes what is first. It is due, where its time is the `now`."""

    def __init__(self, store: dict[str, Any]) -> None:
        self.store = store
        self.line = Line(store)
        self.taken: list[str] = []
        self.now = ""
        self.held: set[str] = set()

    def take(self) -> str | None:
        found = self.line.first(self.taken.__contains__, lambda one: self.now in one["spec"].values(), self.held)
        if found is None:
            return None
        name = next(name for name, one in dict.items(self.store) if one is found)
        self.taken.append(name)
        return name

    def take_all(self) -> list[str]:
        return list(iter(self.take, None))


def test_the_highest_priority_runs_first_and_then_the_oldest() -> None:
    assert Worker({"c": task(), "a": task(-1), "d": task(9), "b": task()}).take_all() == ["d", "c", "b", "a"]


def test_what_is_new_is_found() -> None:
    worker = Worker({"a": task(), "b": task()})
    assert worker.take() == "a"
    worker.store |= {"c": task(), "d": task(1)}
    assert worker.take_all() == ["d", "b", "c"]
    worker.store["e"] = task()
    assert worker.take_all() == ["e"]


def test_what_has_a_time_waits_for_it_in_its_place() -> None:
    worker = Worker({"a": task(runAfter="noon"), "b": task(), "c": task(1, runAfter="noon")})
    assert worker.take_all() == ["b"]
    worker.store["d"] = task()
    worker.now = "noon"
    assert worker.take_all() == ["c", "a", "d"]


def test_what_expires_runs_before_or_fails() -> None:
    assert Worker({"a": task(), "b": task(1, expiresAt="noon")}).take_all() == ["b", "a"]


def test_what_is_held_lets_others_pass_until_it_ends() -> None:
    worker = Worker({"a": task(1, queue="mail"), "b": task(1, queue="mail", expiresAt="noon"), "c": task()})
    worker.held.add("mail")
    assert worker.take_all() == ["c"]
    worker.now = "noon"
    assert worker.take_all() == ["b"]
    worker.held.clear()
    assert worker.take_all() == ["a"]


def test_what_was_cancelled_or_is_gone_does_not_run() -> None:
    worker = Worker({"a": task(), "b": task(), "c": task(), "d": task(runAfter="noon")})
    assert worker.take() == "a"
    worker.store["b"]["status"] = {"phase": Phase.CANCELLED}
    del worker.store["d"]
    worker.now = "noon"
    assert worker.take_all() == ["c"]


def test_what_is_deleted_and_enqueued_again_runs_again() -> None:
    worker = Worker({"a": task(), "b": task()})
    assert worker.take_all() == ["a", "b"]
    del worker.store["b"]
    worker.taken.remove("b")
    worker.store["b"] = task()
    assert worker.take_all() == ["b"]


class CountingByName(Counting):
    """How often its tasks were read, by name as well."""

    def get(self, name: str, default: Any = None) -> Any:
        self.read += 1
        return super().get(name, default)


def test_of_many_each_is_read_a_few_times() -> None:
    store = CountingByName({f"{number}": task() for number in range(1000)})
    assert len(Worker(store).take_all()) == 1000
    assert store.read <= 5000
