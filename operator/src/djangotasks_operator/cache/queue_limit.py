"""Bound how many queues of a namespace are kept: each takes some KB, and a check by the API server now and then."""

from datetime import UTC, datetime

from djangotasks_api.models import DjangoTaskQueue
from djangotasks_operator.cache.keys import Key

# A namespace with a queue for each of its Deployments has some dozens.
QUEUES_MAX = 1000


class QueueLimit:
    """The queues of each namespace that are kept: the oldest, in whatever order they come."""

    def __init__(self, most: int = QUEUES_MAX) -> None:
        self.most = most
        self._created: dict[str, dict[Key, datetime]] = {}

    def take(self, queue: DjangoTaskQueue) -> Key | None:
        """Give a queue a place. Returns the key of the one that has none then: the newest of all, perhaps itself."""
        key = Key.of(queue.metadata)
        queues = self._created.setdefault(key.namespace, {})
        queues[key] = queue.metadata.creation_timestamp or datetime.now(UTC)
        if len(queues) <= self.most:
            return None
        newest = max(queues, key=lambda key: (queues[key], key.name))
        del queues[newest]
        return newest

    def free(self, key: Key) -> None:
        """The queue is not kept any more."""
        queues = self._created.get(key.namespace, {})
        queues.pop(key, None)
        if not queues:
            self._created.pop(key.namespace, None)

    def is_full(self, namespace: str) -> bool:
        """Whether a queue that comes now has no place."""
        return len(self._created.get(namespace, ())) >= self.most
