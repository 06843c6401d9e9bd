"""Which of a queue's versions is kept, and who hears of it."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.queues import Queues
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from tests.support.builders import NAMESPACE, make_queue

KEY = Key(NAMESPACE, "default")


class Recorded:
    def __init__(self) -> None:
        self.changed: list[Key] = []
        self.refused: list[Key] = []
        self.queues = Queues(WatchMonitor(), Tombstones(), self.changed.append, self.refused.append)

    def put(self, version: int, generation: int = 1, uid: str = "a", **spec: Any) -> None:
        queue = make_queue(**spec)
        metadata = {"resource_version": str(version), "generation": generation, "uid": uid}
        self.queues.put(queue.model_copy(update={"metadata": queue.metadata.model_copy(update=metadata)}))

    @property
    def version(self) -> str | None:
        queue = self.queues.get(KEY)
        return None if queue is None else queue.metadata.resource_version


@pytest.mark.parametrize(
    ("puts", "version", "changes"),
    [
        ([(1, 1)], "1", 1),
        ([(1, 1), (2, 1)], "2", 1),  # its status
        ([(1, 1), (2, 2)], "2", 2),
        ([(2, 2), (1, 1)], "2", 1),  # late
    ],
)
def test_the_latest_version_is_kept(puts: list[tuple[int, int]], version: str, changes: int) -> None:
    recorded = Recorded()
    for number, generation in puts:
        recorded.put(number, generation)
    assert (recorded.version, len(recorded.changed), recorded.refused) == (version, changes, [])


def test_a_deleted_queue_stays_away_and_its_policy_is_remembered() -> None:
    recorded = Recorded()
    recorded.put(1, concurrency=3)
    recorded.queues.drop(KEY, "another uid")
    kept = recorded.version
    recorded.queues.drop(KEY, "a")
    recorded.put(2)
    assert (kept, recorded.version) == ("1", None)
    remembered = recorded.queues.remembered(KEY)
    assert remembered is not None
    assert (remembered.spec.concurrency, remembered.spec.template) == (3, None)
    recorded.put(3, uid="b")
    assert (recorded.version, recorded.queues.remembered(KEY)) == ("3", None)


def test_a_queue_without_a_place_is_refused() -> None:
    recorded = Recorded()
    recorded.queues.limit.most = 0
    recorded.put(1)
    recorded.put(2)
    assert (recorded.version, recorded.refused) == (None, [KEY, KEY])
