"""Places for what may be done at once, of which one group never has all."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

# Of all places, those that one group never has: so another one finds some, whatever keeps the first one waiting. Fewer
# than one queue leaves to the others of its namespace.
OTHERS_PART = 16


class Places:
    """So many at once. Those of a group that wait for its own do not stand before others."""

    def __init__(self, most: int) -> None:
        self._all = asyncio.Semaphore(most)
        self._of_group = max(most - max(most // OTHERS_PART, 1), 1)
        # While somebody has a place, or waits for one.
        self._groups: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, group: Hashable) -> AsyncIterator[None]:
        """Have a place, when one is free for this group."""
        own = self._groups.get(group)
        if own is None:
            own = self._groups[group] = asyncio.Semaphore(self._of_group)
        async with own, self._all:
            yield
