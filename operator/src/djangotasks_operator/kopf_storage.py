"""kopf's memories, emptied: it writes nothing to our objects, and its events cost half as much CPU."""

from typing import Any

import kopf


class NoProgress(kopf.ProgressStorage):
    """Of which handlers have run: ours only take notice."""

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass

    def purge(self, **_: Any) -> None:
        pass

    def touch(self, **_: Any) -> None:
        pass

    def clear(self, *, essence: Any) -> Any:
        return essence


class NoDiffBase(kopf.DiffBaseStorage):
    """Of an object's last state: that is in the store."""

    def build(self, **_: Any) -> Any:
        # kopf's own copies the whole object for each event, to compare it with what was fetched.
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass
