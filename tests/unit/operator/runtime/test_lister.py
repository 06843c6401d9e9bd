"""What a list changes in the cache, and what it costs."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from djangotasks_operator.cache.kinds import QUEUE_SOURCE, TASK_SOURCE
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.decoding import ObjectList, decode_list
from djangotasks_operator.runtime.reflector import Lister
from tests.unit.operator.runtime.test_reflector import deep, event, task


@pytest.mark.thorough
def test_a_known_task_that_cannot_be_read_any_more_is_not_taken_for_gone() -> None:
    """Its pod may run, and its deadline holds."""
    store = Store()
    for name in ("deep", "gone", "well"):
        TASK_SOURCE.apply_event(store, event("ADDED", task(name, 1)))

    class Lists:
        async def list(self, *_: object) -> Any:
            text = f'{{"metadata":{{"resourceVersion":"9"}},"items":[{json.dumps(task("well", 2))},{deep("deep", 3)}]}}'
            yield decode_list(text.encode())

    asyncio.run(Lister(Lists(), store, TASK_SOURCE, None).list())  # type: ignore[arg-type]
    assert {task.metadata.name: task.metadata.resource_version for task in store.tasks()} == {"well": "2", "deep": "1"}


@pytest.mark.thorough
def test_a_list_costs_by_the_number_of_the_objects() -> None:
    """Each page went through all that was not listed yet: a leader of 60,000 tasks did nothing else for seconds."""
    store, known, calls = Store(), 400, 0
    for number in range(known):
        TASK_SOURCE.apply_event(store, event("ADDED", task(f"t{number}", 1)))

    class Pages:
        async def list(self, *_: object) -> Any:
            for number in range(known):
                yield ObjectList([task(f"t{number}", 1)], "9")

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        asyncio.run(Lister(Pages(), store, TASK_SOURCE, None).list())  # type: ignore[arg-type]
    finally:
        sys.setprofile(None)
    assert len(store.tasks()) == known
    assert calls < known * 200


@pytest.mark.parametrize("watch_is_late", [True, False])
def test_a_queue_made_again_during_a_list_stays(watch_is_late: bool) -> None:
    def queue(uid: str, version: int) -> dict[str, Any]:
        metadata = {"name": "default", "namespace": "shop", "uid": uid, "resourceVersion": str(version)}
        return {"metadata": metadata, "spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}}

    store = Store()
    QUEUE_SOURCE.apply_event(store, event("ADDED", queue("first", 10)))

    class Lists:
        async def list(self, *_: object) -> Any:
            if not watch_is_late:
                QUEUE_SOURCE.apply_event(store, event("ADDED", queue("second", 20)))
                QUEUE_SOURCE.apply_event(store, event("DELETED", queue("first", 15)))
            yield ObjectList([queue("second", 20)], "21")

    asyncio.run(Lister(Lists(), store, QUEUE_SOURCE, None).list())  # type: ignore[arg-type]
    assert [queue.metadata.uid for queue in store.queues()] == ["second"]
