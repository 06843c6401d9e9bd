"""The queues that are cached: so many of each namespace, with templates that are not too large."""

from collections.abc import Callable

from djangotasks_api.models import DjangoTaskQueue
from djangotasks_api.names import QUEUE_PLURAL
from djangotasks_operator.cache.deleted_queues import DeletedQueues
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.queue_budget import QueueBudget
from djangotasks_operator.cache.queue_limit import QueueLimit
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.runtime.versions import newer
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.status.queue_status import was_refused


class Queues:
    """Part of the store. `changed`: called with the key of a queue that is new, has another spec, or is gone.
    `refused`: called with the key of one that is not kept, and whose status does not say so yet."""

    def __init__(
        self,
        monitor: WatchMonitor,
        deleted: Tombstones,
        changed: Callable[[Key], None],
        refused: Callable[[Key], None],
    ) -> None:
        self._monitor = monitor
        self._deleted = deleted
        self._changed = changed
        self._refused = refused
        self._queues: dict[Key, DjangoTaskQueue] = {}
        self._remembered = DeletedQueues()
        self._budget = QueueBudget()
        self.limit = QueueLimit()

    def get(self, key: Key) -> DjangoTaskQueue | None:
        return self._queues.get(key)

    def all(self) -> list[DjangoTaskQueue]:
        return list(self._queues.values())

    def remembered(self, key: Key) -> DjangoTaskQueue | None:
        """A queue that was deleted, without its pod template."""
        return self._remembered.get(key)

    def put(self, queue: DjangoTaskQueue) -> None:
        """Keep the queue, unless a later version is cached, it was deleted, or its namespace has too many."""
        if queue.metadata.uid in self._deleted:
            return
        key = Key.of(queue.metadata)
        known = self._queues.get(key)
        if known is not None and not newer(queue.metadata.resource_version, known.metadata.resource_version):
            return
        if (without_place := self.limit.take(queue)) is not None:
            if without_place == key:
                if not was_refused(queue):
                    self._refused(key)
                return
            self._forget(without_place)
        self._queues[key] = self._budget.take(queue)
        self._remembered.discard(key)
        self._monitor.expect(QUEUE_PLURAL, key.namespace, queue.metadata.uid, queue.metadata.resource_version)
        # Its status is written by the operator, and changes nothing for its tasks.
        if known is None or _spec_identity(known) != _spec_identity(queue):
            self._changed(key)

    def drop(self, key: Key, uid: str) -> None:
        """Forget a queue that was deleted, unless another one of its name is cached."""
        self._deleted.add(uid)
        self.hide(key, uid)

    def hide(self, key: Key, uid: str) -> None:
        """Forget a queue for as long as it cannot be parsed, unless another one of its name is cached."""
        self._monitor.forget(QUEUE_PLURAL, key.namespace, uid)
        queue = self._queues.get(key)
        if queue is not None and queue.metadata.uid == uid:
            self._remembered.add(queue)
            self._forget(key)

    def _forget(self, key: Key) -> None:
        del self._queues[key]
        self._budget.free(key)
        self.limit.free(key)
        self._changed(key)


def _spec_identity(queue: DjangoTaskQueue) -> tuple[str, int]:
    """Differs where the spec does."""
    return queue.metadata.uid, queue.metadata.generation
