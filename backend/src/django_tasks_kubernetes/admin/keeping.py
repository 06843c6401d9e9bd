"""Answers of the cluster, kept for a share of what they cost: open pages, however many, cannot ask it all the time.

A process spends at most a sixtieth of its time on reading one thing, and one thread of it at a time: others that want
the same have what was read before, or wait for it where there is nothing, or only something old.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final, cast

from django.core.exceptions import ImproperlyConfigured
from django.tasks.exceptions import TaskException

LEAST_SECONDS: Final = 2.0
MOST_SECONDS: Final = 30.0
COST_FACTOR: Final = 60
# Of `fresh`, which is a click.
FRESH_SECONDS: Final = 1.0
# A thousand rows take some 1.5 MB.
ANSWERS_MAX: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer[T]:
    """What was read."""

    value: T | None
    """Where there is a problem, what was read before it; None where there was nothing."""

    as_of: datetime
    """When the value was read."""

    problem: TaskException | ImproperlyConfigured | None = None
    """Why it could not be read now."""

    version: int = 0
    """The same as long as reading gives the same."""


type AnyAnswer = Answer[Any]


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    answer: Answer[Any] | None = None
    read_at: float = 0.0
    until: float = 0.0


class Keeper:
    """Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._versions = count(1)

    def get[T](self, key: Hashable, read: Callable[[], T], *, fresh: bool = False) -> Answer[T]:
        """Reads, or gives what was read under this key a short while ago. What `read` raises of a TaskException is in
        the answer. `key`: has the store in it. `fresh`: reads unless that was in this second."""
        kept = self._of(key)
        waits = fresh or kept.answer is None or self._clock() >= kept.until + MOST_SECONDS
        if not kept.lock.acquire(blocking=waits):
            # It is read just now, which may take long: pages that are open must not take all threads of the web app.
            return cast("Answer[T]", kept.answer)
        try:
            now = self._clock()
            is_kept = now < (min(kept.until, kept.read_at + FRESH_SECONDS) if fresh else kept.until)
            if kept.answer is None or not is_kept:
                kept.answer = self._read(read, kept.answer)
                kept.read_at = self._clock()
                cost = kept.read_at - now
                kept.until = kept.read_at + min(max(LEAST_SECONDS, COST_FACTOR * cost), MOST_SECONDS)
            return kept.answer
        finally:
            kept.lock.release()

    def clear(self) -> None:
        """Forgets all, after something was changed."""
        with self._lock:
            self._kept.clear()

    def _of(self, key: Hashable) -> _Kept:
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > ANSWERS_MAX:
                self._kept.popitem(last=False)
            return kept

    def _read[T](self, read: Callable[[], T], before: Answer[T] | None) -> Answer[T]:
        try:
            value = read()
            is_same = before is not None and before.problem is None and before.value == value
            version = before.version if before is not None and is_same else next(self._versions)
            return Answer(value=value, as_of=datetime.now(UTC), version=version)
        except (TaskException, ImproperlyConfigured) as error:
            # Its frames hold what was read.
            problem = error.with_traceback(None)
            is_same = before is not None and before.problem is not None and _words(before.problem) == _words(problem)
            version = before.version if before is not None and is_same else next(self._versions)
            if before is None:
                return Answer(value=None, as_of=datetime.now(UTC), problem=problem, version=version)
            return Answer(value=before.value, as_of=before.as_of, problem=problem, version=version)


def _words(problem: Exception) -> tuple[type, str]:
    return type(problem), str(problem)


# Of this process.
KEEPER: Final = Keeper()
