"""The latest version of each object of a kind."""

from collections.abc import Callable
from typing import Protocol

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.runtime.versions import Versioned, newer
from djangotasks_operator.runtime.watch_monitor import WatchMonitor


class Keyed(Versioned, Protocol):
    """One version of an object, with its key."""

    @property
    def key(self) -> Key: ...


class Latest[Item: Keyed]:
    """Part of the store. `changed`: called with the key of an object that is new, `differs` from the version before, or
    is gone."""

    def __init__(
        self,
        plural: str,
        differs: Callable[[Item, Item], bool],
        changed: Callable[[Key], None],
        monitor: WatchMonitor,
        deleted: Tombstones,
    ) -> None:
        self._plural = plural
        self._differs = differs
        self._changed = changed
        self._monitor = monitor
        self._deleted = deleted
        self._items: dict[Key, Item] = {}

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Key) -> Item | None:
        return self._items.get(key)

    def all(self) -> list[Item]:
        return list(self._items.values())

    def put(self, item: Item) -> None:
        """Keep the object, unless a later version is cached, or it was deleted."""
        if item.uid in self._deleted:
            return
        known = self._items.get(item.key)
        if known is not None and not newer(item.resource_version, known.resource_version):
            return
        self._items[item.key] = item
        self._monitor.expect(self._plural, item.key.namespace, item.uid, item.resource_version)
        if known is None or known.uid != item.uid or self._differs(known, item):
            self._changed(item.key)

    def drop(self, item: Item) -> None:
        """Forget an object that was deleted, unless another one of its name is cached."""
        self._monitor.forget(self._plural, item.key.namespace, item.uid)
        self._deleted.add(item.uid)
        if (known := self._items.get(item.key)) is not None and known.uid == item.uid:
            del self._items[item.key]
            self._changed(item.key)
