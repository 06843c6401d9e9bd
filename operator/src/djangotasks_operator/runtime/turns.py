"""Groups that take turns, so that who asks for much waits for itself alone."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager


def one_group(_: object) -> None:
    """The group of all, where there are no groups."""


class Turns[K: Hashable]:
    """Keys that are ready. Of those of one group the first comes first, and groups take turns."""

    def __init__(self, group: Callable[[K], Hashable] = one_group, most: int | None = None) -> None:
        """`group`: of a key. `most`: how many keys of a group may be worked on at once; None for any number."""
        self._group = group
        self._most = most
        self._ready: OrderedDict[Hashable, deque[K]] = OrderedDict()
        # Groups of which as many keys as may be are worked on.
        self._blocked: dict[Hashable, deque[K]] = {}
        self._working: dict[Hashable, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def has_next(self) -> bool:
        """Whether a key may be taken now."""
        return bool(self._ready)

    def put(self, key: K) -> None:
        group = self._group(key)
        self._count += 1
        if (blocked := self._blocked.get(group)) is not None:
            blocked.append(key)
        else:
            self._ready.setdefault(group, deque()).append(key)

    def take(self) -> K:
        """Take the next key. Call `done` when it is worked off. Raises KeyError where there is none."""
        group, keys = self._ready.popitem(last=False)
        key = keys.popleft()
        self._count -= 1
        self._working[group] = self._working.get(group, 0) + 1
        if self._most is not None and self._working[group] >= self._most:
            self._blocked[group] = keys
        elif keys:
            self._ready[group] = keys
        return key

    def done(self, key: K) -> None:
        """The key is not worked on any more."""
        group = self._group(key)
        self._working[group] -= 1
        if not self._working[group]:
            del self._working[group]
        if keys := self._blocked.pop(group, None):
            self._ready[group] = keys

    def clear(self) -> None:
        """Forget all. Nobody may be working on a key."""
        self._ready.clear()
        self._blocked.clear()
        self._working.clear()
        self._count = 0


class FairLock:
    """Has one holder at a time. Groups that wait for it take turns."""

    def __init__(self) -> None:
        self._waiting: Turns[tuple[Hashable, asyncio.Future[None]]] = Turns(lambda waiter: waiter[0])
        self._is_held = False

    @asynccontextmanager
    async def of(self, group: Hashable) -> AsyncIterator[None]:
        """Hold it, when it is the turn of this group."""
        if self._is_held:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.put((group, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():
                    self._pass_on()
                raise
        self._is_held = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """It stays held where somebody waits for it."""
        while self._waiting.has_next:
            waiter = self._waiting.take()
            self._waiting.done(waiter)
            if not waiter[1].done():
                waiter[1].set_result(None)
                return
        self._is_held = False
