"""What is done to holds: those whose time is over are deleted."""

from djangotasks_operator.cache.holds import Hold, parse_hold
from djangotasks_operator.cache.kinds import HOLDS
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.runtime.errors import ApiError, unless_missing


class HoldWriter:
    """Methods raise what the client raises: ApiError, OSError, TimeoutError."""

    def __init__(self, writer: TaskWriter) -> None:
        self._api = writer.api
        self.store = writer.store

    async def read(self, hold: Hold) -> Hold | None:
        """Read the hold as it is now. None where it is gone."""
        body = await unless_missing(self._api.get(HOLDS, *hold.key))
        if body is None:
            self.store.holds.drop(hold)
            return None
        fresh = parse_hold(body)
        self.store.holds.put(fresh)
        return fresh

    async def delete(self, hold: Hold) -> bool:
        """Delete this version of the hold. False where it has changed."""
        try:
            await self._api.delete(HOLDS, *hold.key, hold.uid, hold.resource_version)
        except ApiError as error:
            if not error.conflict:
                raise
            return False
        self.store.holds.drop(hold)
        return True
