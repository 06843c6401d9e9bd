"""What is remembered of queues that were deleted."""

from djangotasks_operator.cache.deleted_queues import DeletedQueues
from djangotasks_operator.cache.keys import Key
from tests.support.builders import NAMESPACE, make_queue


def test_the_latest_are_remembered_without_their_templates() -> None:
    deleted = DeletedQueues(most=2)
    for name in ("one", "two", "one", "three"):
        deleted.add(make_queue(name, concurrency=3))
    assert deleted.get(Key(NAMESPACE, "two")) is None
    found = deleted.get(Key(NAMESPACE, "one"))
    assert found is not None
    assert (found.spec.concurrency, found.spec.template) == (3, None)
    deleted.discard(Key(NAMESPACE, "one"))
    assert deleted.get(Key(NAMESPACE, "one")) is None
