"""Bound what the pod templates of queues take in memory: they are stored unchecked, and a namespace has any number."""

from collections import Counter

import msgspec

from djangotasks_api.models import DjangoTaskQueue
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.fields import LEFT_OUT

# A pod template with a long environment has 20 KB. As objects in memory they take several times as much.
TEMPLATE_MAX_BYTES = 128 * 1024
NAMESPACE_MAX_BYTES = 4 * 1024 * 1024


class QueueBudget:
    """What the templates of each namespace take."""

    def __init__(self) -> None:
        self._sizes: dict[Key, int] = {}
        self._sums: Counter[str] = Counter()

    def take(self, queue: DjangoTaskQueue) -> DjangoTaskQueue:
        """Count a queue that is cached. Its template is left out where it is too large, or there are too many."""
        key = Key.of(queue.metadata)
        self.free(key)
        size = len(msgspec.json.encode(queue.spec.template)) if queue.spec.template else 0
        if size > TEMPLATE_MAX_BYTES:
            return _without_template(queue, f"the pod template has more than {TEMPLATE_MAX_BYTES} bytes as JSON")
        if self._sums[key.namespace] + size > NAMESPACE_MAX_BYTES:
            return _without_template(
                queue, f"the pod templates of the namespace have more than {NAMESPACE_MAX_BYTES} bytes together"
            )
        self._sizes[key] = size
        self._sums[key.namespace] += size
        return queue

    def free(self, key: Key) -> None:
        """The queue is not cached any more."""
        self._sums[key.namespace] -= self._sizes.pop(key, 0)
        if self._sums[key.namespace] <= 0:
            del self._sums[key.namespace]


def _without_template(queue: DjangoTaskQueue, why: str) -> DjangoTaskQueue:
    return queue.model_copy(update={"spec": queue.spec.model_copy(update={"template": {LEFT_OUT: why}})})
