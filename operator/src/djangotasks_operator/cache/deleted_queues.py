"""Remember the policies of deleted queues: a queue that is replaced is gone for a moment, or until a person notices."""

from collections import OrderedDict

from djangotasks_api.models import DjangoTaskQueue
from djangotasks_operator.cache.keys import Key

# Without its template a queue takes a few KB.
REMEMBERED_MAX = 1000


class DeletedQueues:
    """The queues that were deleted last, without their pod templates. A process that is started again knows none."""

    def __init__(self, most: int = REMEMBERED_MAX) -> None:
        self._queues: OrderedDict[Key, DjangoTaskQueue] = OrderedDict()
        self._most = most

    def get(self, key: Key) -> DjangoTaskQueue | None:
        return self._queues.get(key)

    def add(self, queue: DjangoTaskQueue) -> None:
        key = Key.of(queue.metadata)
        spec = queue.spec.model_copy(update={"template": None, "pod_template_from": None})
        self._queues[key] = queue.model_copy(update={"spec": spec})
        self._queues.move_to_end(key)
        if len(self._queues) > self._most:
            self._queues.popitem(last=False)

    def discard(self, key: Key) -> None:
        """Forget it: there is a queue of this name again."""
        self._queues.pop(key, None)
