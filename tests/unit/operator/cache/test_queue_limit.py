"""Of each namespace so many queues are kept and no more, and those of others are not touched."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from djangotasks_api.models.base import Metadata
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.queue_limit import QUEUES_MAX, QueueLimit
from djangotasks_operator.cache.store import Store
from tests.support.builders import NAMESPACE, at, make_queue

if TYPE_CHECKING:
    from djangotasks_api.models import DjangoTaskQueue


def queue(number: int, namespace: str = NAMESPACE, version: int = 1) -> DjangoTaskQueue:
    """Created in the order of their numbers."""
    metadata = Metadata(
        name=f"q{number}",
        namespace=namespace,
        uid=f"{namespace}-{number}",
        resource_version=str(version),
        creation_timestamp=at(number),
    )
    return make_queue().model_copy(update={"metadata": metadata})


THOROUGH = [pytest.param(order, marks=pytest.mark.thorough) for order in ("oldest first", "newest first")]


def kept(store: Store, namespace: str = NAMESPACE) -> set[int]:
    return {int(queue.metadata.name[1:]) for queue in store.queues() if queue.metadata.namespace == namespace}


@pytest.mark.parametrize("order", ["mixed", *THOROUGH])
@pytest.mark.thorough
def test_the_oldest_queues_are_kept_whatever_the_order(order: str) -> None:
    store, numbers = Store(), list(range(QUEUES_MAX + 500))
    if order == "newest first":
        numbers.reverse()
    if order == "mixed":
        random.Random(1).shuffle(numbers)
    for number in numbers:
        store.put_queue(queue(number))
    assert kept(store) == set(range(QUEUES_MAX))


@pytest.mark.thorough
def test_updates_need_no_second_place() -> None:
    store = Store()
    for version in (1, 2, 3):
        for number in range(QUEUES_MAX):
            store.put_queue(queue(number, version=version))
    assert len(kept(store)) == QUEUES_MAX


def test_other_namespaces_have_places_of_their_own() -> None:
    store = Store()
    for number in range(QUEUES_MAX + 1):
        store.put_queue(queue(number))
    store.put_queue(queue(1, "bank"))
    assert kept(store, "bank") == {1}


def test_a_queue_that_goes_makes_room() -> None:
    limit = QueueLimit(1)
    assert limit.take(queue(1)) is None
    assert limit.take(queue(2)) == Key(NAMESPACE, "q2")
    assert limit.is_full(NAMESPACE)
    limit.free(Key(NAMESPACE, "q1"))
    assert not limit.is_full(NAMESPACE)
    assert limit.take(queue(2)) is None
