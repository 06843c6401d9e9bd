"""What holds at every moment, whatever happens in whatever order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from djangotasks_api.models import Attempt, DjangoTask, TaskStatus
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.scheduling.limits import resolve
from tests.unit.operator.model.outcomes import readable
from tests.unit.operator.model.server import Event
from tests.unit.operator.model.simulation import Simulation
from tests.unit.operator.model.time_limits import TimeLimits

# What an attempt is said to have died of only if its process left no outcome.
WITHOUT_OUTCOME = {Reason.PROCESS_EXITED, Reason.OOM_KILLED}
# Fewer than the operator allows, so that a scenario can get there: `scenario.few_interruptions`.
INTERRUPTIONS_MAX = 2
STATUS_MAX_BYTES = 1024 * 1024


class Watcher:
    """Looks at every write of a task, one after the other, and at the world between them."""

    def __init__(self, world: Simulation, times: TimeLimits) -> None:
        self._world = world
        self._times = times
        self._position = 0
        self._last: dict[str, TaskStatus] = {}

    def look(self) -> None:
        """Raises AssertionError, with what is wrong."""
        assert not self._world.server.violations, self._world.server.violations[0]
        events = self._world.server.events
        for event in events[self._position :]:
            if event.plural == TASK_PLURAL:
                self._written(event)
        self._position = len(events)
        for problem in self._problems():
            raise AssertionError(problem)

    def _written(self, event: Event) -> None:
        body = event.body
        name, uid = body["metadata"]["name"], body["metadata"]["uid"]
        task = DjangoTask.model_validate(body)
        status, before = task.status, self._last.get(uid, TaskStatus())
        self._last[uid] = status
        if before.phase.is_terminal:
            assert status.phase is before.phase, f"{name} was {before.phase} and is {status.phase}"
        assert len(status.model_dump_json(by_alias=True).encode()) < STATUS_MAX_BYTES, (
            f"the status of {name} is too large"
        )
        check_attempts(name, before.attempts, status.attempts)
        check_tail(name, before, status)
        check_counts(task)
        check_progress(name, before, status)
        for problem in self._times.written(task, before):
            raise AssertionError(problem)
        for attempt in status.attempts:
            if attempt.reason in WITHOUT_OUTCOME:
                self._reported_nothing((uid, attempt.number))

    def _reported_nothing(self, attempt: tuple[str, int]) -> None:
        """The process of this attempt, which was written off, did not leave an outcome behind."""
        processes = [process for process in self._world.processes.values() if process.attempt == attempt]
        if attempt not in self._world.ambiguous_attempts:
            left = [process.pod.name for process in processes if process.outcome and readable(process.outcome)]
            assert not left, f"the outcome that {left} left behind was not read"

    def _problems(self) -> Iterator[str]:
        """Of what runs, and of what is said of it."""
        world = self._world
        alive = Counter(process.pod.task_uid for process in world.alive())
        yield from (f"two containers of {uid} run at once" for uid, number in alive.items() if number > 1)
        for process in world.alive():
            if process.attempt in world.ambiguous_attempts:
                continue
            status = self._last[process.pod.task_uid]
            known = any(a.number == process.pod.attempt and a.finished_at for a in status.attempts)
            exists = world.server.objects.get((TASK_PLURAL, process.pod.task), {"metadata": {"uid": ""}})
            deleted = exists["metadata"]["uid"] != process.pod.task_uid
            if process.outcome is None and not deleted and (known or status.phase.is_terminal):
                yield f"{process.pod.name} runs, and its task is {status.phase}"
        for (uid, number), outcomes in world.taken.items():
            attempt = next((a for a in self._last[uid].attempts if a.number == number), None)
            if attempt is None or not any(outcome_of(attempt) == o.reason for o in outcomes):
                yield f"the outcome of attempt {number} of {uid} was taken, and is not in its status"
            status = self._last[uid]
            if number == len(status.attempts) and any(o.progress for o in outcomes) and status.progress is None:
                yield f"what attempt {number} of {uid} said last is lost"


def outcome_of(attempt: Attempt) -> Any:
    """The reason that the runner gave. A result that did not arrive makes a success a failure."""
    return None if attempt.reason == Reason.RESULT_LOST else attempt.reason


def check_attempts(name: str, before: list[Attempt], after: list[Attempt]) -> None:
    """Numbers grow without a gap, only the last may be open, and an ended attempt does not change."""
    assert [attempt.number for attempt in after] == list(range(1, len(after) + 1)), f"{name}: numbers"
    assert all(attempt.finished_at for attempt in after[:-1]), f"{name}: an attempt before the last is open"
    assert len(after) >= len(before), f"{name}: an attempt is gone"
    for old, new in zip(before, after, strict=False):
        if old.finished_at is not None:
            recorded = {"finished_at", "started_at", "reason", "exit_code"}
            assert old.model_dump(include=recorded) == new.model_dump(include=recorded), f"{name}: {old} became {new}"


def check_tail(name: str, before: TaskStatus, after: TaskStatus) -> None:
    """The log that is kept is that of an attempt that failed, and an earlier one's never takes its place."""
    tail = after.log_tail
    if tail == before.log_tail:
        return
    assert tail is not None, f"{name}: the log is gone"
    assert before.log_tail is None or tail.attempt > before.log_tail.attempt, f"{name}: an older log"
    attempt = after.attempts[tail.attempt - 1]
    assert tail.text == f"the log of {attempt.pod}", f"{name}: another's log: {tail.text}"
    assert attempt.finished_at is not None, f"{name}: the log of an attempt that goes on"
    assert attempt.reason is not None, f"{name}: the log of an attempt that did not fail"
    assert before.model_copy(update={"log_tail": tail}) == after, f"{name}: more was written than the log"


def check_progress(name: str, before: TaskStatus, after: TaskStatus) -> None:
    """It is of the attempt that runs, or of the last one that ran, and does not go on when that has ended."""
    if (progress := after.progress) is None:
        return
    assert progress.attempt <= len(after.attempts), f"{name}: progress of an attempt that is not known"
    if progress == before.progress:
        return
    assert progress.attempt == len(after.attempts), f"{name}: progress of attempt {progress.attempt}, which is over"
    known = before.attempts[progress.attempt - 1 : progress.attempt]
    assert not any(attempt.finished_at for attempt in known), f"{name}: progress after the end of its attempt"


def check_counts(task: DjangoTask) -> None:
    """Attempts are bounded, failures and interruptions apart."""
    status, limits = task.status, resolve(task.spec.policy, None)
    failures = len([attempt for attempt in status.attempts if attempt.finished_at]) - status.interruptions
    assert 0 <= failures <= limits.max_attempts, f"{task.metadata.name}: {failures} failures"
    assert status.interruptions <= INTERRUPTIONS_MAX + 1, f"{task.metadata.name}: {status.interruptions} interruptions"
    assert (status.finished_at is not None) == status.phase.is_terminal
    assert [c.type for c in status.conditions] == (
        [] if not status.phase.is_terminal else ["Complete" if status.phase is Phase.SUCCEEDED else "Failed"]
    )
