"""Reflect objects of the API server in a cache: list a kind, and watch it from there on.

Lists come in pages, and a watch goes on where it was after a cut; it begins with a list again after 410 Gone. What a
list does not have any more leaves the cache. Of two versions of an object the later one stays: so a cache is worth
nothing any more when the versions go back.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError
from djangotasks_operator.runtime.resources import Object, Resource
from djangotasks_operator.runtime.versions import Versioned, newer
from djangotasks_operator.runtime.watch_monitor import WatchMonitor

logger = logging.getLogger(__name__)

# The backoff between watches that fail. It ends at 5 s, so that a watch is open soon after the API server is back.
FIRST_BACKOFF = 0.5
LAST_BACKOFF = 5.0
# A watch that ends sooner than this counts as failed, so that an API server that ends them all is not flooded.
SHORT_SECONDS = 1.0


class VersionsWentBack(Exception):
    """The API server's data are those of an earlier time: the process is to begin again, with nothing cached."""


@dataclass(frozen=True, slots=True)
class Kind[Cache, Item]:
    """How objects of one kind get into a cache and out of it."""

    resource: Resource
    selector: str
    """A label selector; empty for all objects."""
    parse: Callable[[Object], Item | None]
    """None for an object that is not ours, or cannot be parsed."""
    put: Callable[[Cache, Item], None]
    """Keep the object, unless the cache has a later version."""
    drop: Callable[[Cache, Item], None]
    known: Callable[[Cache], list[Item]]
    """All cached objects of the kind."""
    identity: Callable[[Item], tuple[str, str]]
    """Namespace and uid."""
    cached: Callable[[Cache, Object], Versioned | None] = lambda *_: None
    """The cached object with the name that this metadata has."""
    on_unparsable: Callable[[Cache, Object], None] = lambda *_: None
    """Called with the body of an object that `parse` rejects."""
    name: str = ""
    """Of its watch, where it is not the resource's plural: there is another watch of that."""

    @property
    def watch_name(self) -> str:
        return self.name or self.resource.plural

    def apply_event(self, cache: Cache, event: Object) -> None:
        """Put or drop the object of a watch event. One that cannot be parsed changes nothing."""
        body, deleted = event["object"], event["type"] == "DELETED"
        with self.isolated(body):
            if not deleted and not self.is_newer(cache, body):
                return
            if (item := self.parse(body)) is None:
                self.on_unparsable(cache, body)
            else:
                (self.drop if deleted else self.put)(cache, item)

    @contextlib.contextmanager
    def isolated(self, body: Object) -> Iterator[None]:
        """Log what goes wrong with one object, and go on with the others: tenants write them, and an unforeseen one
        must not end the process for all."""
        try:
            yield
        except Exception:
            metadata = body.get("metadata")
            name = metadata.get("name") if isinstance(metadata, dict) else None
            logger.exception("%s: the object %s cannot be cached: a defect", self.resource.plural, name)

    def is_newer(self, cache: Cache, body: Object) -> bool:
        """Whether the cache does not have this version of the object, or a later one. Most events report our own
        writes, whose answers came before, and a list repeats what is known: those are not worth the CPU to parse."""
        metadata = body["metadata"]
        cached = self.cached(cache, metadata)
        if cached is None or cached.uid != metadata["uid"]:
            return True
        return newer(metadata["resourceVersion"], cached.resource_version)


class Lister[Cache, Item]:
    """Bring a cache up to date with a list of one kind, in one namespace or in all (None)."""

    def __init__(self, api: Api, cache: Cache, kind: Kind[Cache, Item], namespace: str | None) -> None:
        self._api = api
        self._cache = cache
        self._kind = kind
        self._namespace = namespace
        # The latest version of a list, or of what a watch has delivered.
        self._latest = ""

    async def list(self) -> str:
        """Put what is listed, and drop what was cached before the list began and is not in it. Returns the version of
        the list. Raises ApiError, OSError or TimeoutError, and VersionsWentBack."""
        kind, cache, latest = self._kind, self._cache, self._latest
        gone = {
            uid: item
            for item in kind.known(cache)
            for namespace, uid in [kind.identity(item)]
            if self._namespace in (None, namespace)
        }
        # Where something is cached, most of it is up to date.
        is_known = self._is_known if gone else None
        async for page in self._api.list(kind.resource, self._namespace, kind.selector, is_known):
            # A list is as new as all that was there when it was asked for.
            if newer(latest, page.resource_version):
                raise VersionsWentBack(
                    f"The API server lists {kind.watch_name} of version {page.resource_version}, after {latest}: its "
                    "data were restored from a backup."
                )
            for body in page.objects:
                with kind.isolated(body):
                    known = gone.pop(uid := body["metadata"]["uid"], None)
                    if not kind.is_newer(cache, body):
                        continue
                    if (item := kind.parse(body)) is not None:
                        kind.put(cache, item)
                    elif known is not None:
                        gone[uid] = known
            # An object that cannot be decoded is there all the same.
            if page.unreadable:
                gone = {u: item for u, item in gone.items() if not any(u.encode() in text for text in page.unreadable)}
        for item in gone.values():
            kind.drop(cache, item)
        self._note(page.resource_version)
        return page.resource_version

    def _note(self, version: str) -> None:
        if newer(version, self._latest):
            self._latest = version

    async def probe(self) -> None:
        """Ask whether the kind can be listed, and change nothing. Raises ApiError, OSError or TimeoutError."""
        await anext(aiter(self._api.list(self._kind.resource, self._namespace, self._kind.selector, lambda _: True)))

    def forget(self) -> None:
        """Drop all that is cached of the namespace."""
        for item in self._kind.known(self._cache):
            if self._namespace in (None, self._kind.identity(item)[0]):
                self._kind.drop(self._cache, item)

    def _is_known(self, body: Object) -> bool:
        """Whether the cache has this version of an object, by its metadata."""
        is_newer = True
        with self._kind.isolated(body):
            is_newer = self._kind.is_newer(self._cache, body)
        return not is_newer


class Reflector[Cache, Item](Lister[Cache, Item]):
    """List a kind, and watch it from there on."""

    def __init__(
        self, api: Api, cache: Cache, kind: Kind[Cache, Item], namespace: str | None, monitor: WatchMonitor
    ) -> None:
        super().__init__(api, cache, kind, namespace)
        self._monitor = monitor
        # The resource version from which the watch goes on; None where it must begin with a list.
        self._version: str | None = None

    async def list(self) -> str:
        version = await super().list()
        # A watch that is open has seen more than the list.
        self._version = self._version or version
        return version

    async def watch(self) -> None:
        """Watch until cancelled, and begin again when the watch ends or fails. Raises VersionsWentBack."""
        clock, failures = asyncio.get_running_loop().time, 0
        while True:
            began = clock()
            try:
                await self._watch_once()
                problem = ""
            except REQUEST_ERRORS as error:
                problem = str(error) or type(error).__name__
                if isinstance(error, ApiError) and error.version_expired:
                    self._version = None
            failures = 0 if clock() - began > SHORT_SECONDS else failures + 1
            if failures:
                backoff = min(FIRST_BACKOFF * 2.0 ** (failures - 1), LAST_BACKOFF)
                log = logger.warning if failures == 2 else logger.debug
                log("watching %s: %s; again in %.1f s", self._kind.resource.plural, problem or "ended", backoff)
                await asyncio.sleep(backoff)

    async def _watch_once(self) -> None:
        version = self._version or await self.list()
        events = self._api.watch(self._kind.resource, self._namespace, self._kind.selector, version)
        async with contextlib.aclosing(events):
            async for event in events:
                self.observe(event)

    def observe(self, event: Object) -> None:
        """Apply a watch event to the cache. A bookmark says how far the watch is, and nothing else."""
        with self._kind.isolated(event["object"]):
            version = event["object"]["metadata"]["resourceVersion"]
            self._version = version
            self._note(version)
            self._monitor.observed(self._kind.watch_name, self._namespace or "", version)
        if event["type"] != "BOOKMARK":
            self._kind.apply_event(self._cache, event)
