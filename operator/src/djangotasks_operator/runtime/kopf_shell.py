"""Run kopf so that it only watches: it writes nothing to objects, and its events cost half as much CPU.

kopf handles SIGTERM and SIGINT, runs the activities at the start and the end, and watches what the registry has
handlers for.
"""

import asyncio
import dataclasses
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import kopf
from kopf._cogs.clients import errors, watching
from kopf._cogs.structs.references import Resource
from kopf._core.engines.peering import Identity
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from djangotasks_operator.runtime.first_answers import endless_backoffs

logger = logging.getLogger(__name__)

# Before a watch that the API server has ended with an error begins again, with a list.
WATCH_AGAIN_SECONDS = 5.0
# Before credentials are tried again that the API server has refused.
RELOGIN_SECONDS = 2.0


def repeated_login(
    read: Callable[..., kopf.ConnectionInfo], seconds: float = RELOGIN_SECONDS
) -> Callable[..., Awaitable[kopf.ConnectionInfo]]:
    """Make a login handler of one that reads credentials. kopf takes none again that were refused once, and ends the
    process; but an API server that has just begun refuses good ones for a while, and a token may be replaced a moment
    after it has expired. So they differ each time: by their priority, which orders those of several handlers."""
    logins = itertools.count()

    async def login(**arguments: Any) -> kopf.ConnectionInfo:
        if number := next(logins):
            await asyncio.sleep(seconds)
        return dataclasses.replace(read(**arguments), priority=number)

    return login


class WatchBackoffs:
    """The seconds between watches that fail. With these, a watch is open again 5 s after an API server that was away is
    back; with kopf's own (up to 21 s) later. They have no end, since after the last one kopf ends the process: a
    namespace that cannot be read any more would end it for all others."""

    def __iter__(self) -> Iterator[float]:
        return endless_backoffs()


def patient(watch: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """Make kopf's watch one that just ends where the API server answers with an error for which kopf ends the process,
    and so begins again with a list: a 404 while CRDs are deleted and applied again, an object that cannot be sent."""

    async def watched(*, resource: Resource, **kwargs: Any) -> AsyncIterator[Any]:
        try:
            async for event in watch(resource=resource, **kwargs):
                yield event
        except (errors.APIError, watching.WatchingError) as error:
            problem = f"{error.status} {error}" if isinstance(error, errors.APIError) else str(error)
            again = WATCH_AGAIN_SECONDS
            logger.warning("watching %s: %s; again in %.1f s", resource.plural, problem, again)
            await asyncio.sleep(again)

    return watched


# What kopf has no setting for.
watching.continuous_watch = patient(watching.continuous_watch)


def configure(settings: kopf.OperatorSettings) -> None:
    """Turn off what writes to the API server, and what is not needed."""
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.error_backoffs = WatchBackoffs()
    settings.persistence.progress_storage = NoProgress()
    settings.persistence.diffbase_storage = NoDiffBase()


async def run_kopf(registry: kopf.OperatorRegistry, namespaces: tuple[str, ...], stop: asyncio.Event) -> None:
    """Run kopf until a signal or `stop`. `namespaces`: empty for all.

    Its cleanup handlers must end all tasks that were begun meanwhile, and set `stop`: kopf waits 5 s for tasks that are
    left, its own that waits for `stop` included, and cancels them.
    """
    await kopf.operator(
        registry=registry,
        # Without kopf's peering, which is no election: equal priorities pause everybody.
        standalone=True,
        # Nobody reads it. kopf's own is made of the user's name, and a user that the cluster has chosen has none.
        identity=Identity("djangotasks"),
        stop_flag=stop,
        memories=NoMemories(),
        clusterwide=not namespaces,
        namespaces=namespaces,
    )


class NoMemories(ResourceMemories):
    """Keep nothing of an object between its events: by default kopf takes 1 KB for each, however many there are."""

    async def recall(self, *args: Any, **kwargs: Any) -> ResourceMemory:
        return await super().recall(*args, **kwargs | {"ephemeral": True})


class NoProgress(kopf.ProgressStorage):
    """Store no progress of handlers in annotations: handlers of events are never retried."""

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
    """Store no last-seen state of objects in annotations."""

    def build(self, **_: Any) -> Any:
        # kopf's own copies the whole object for each event, to compare it with what was fetched.
        return {}

    def fetch(self, **_: Any) -> None:
        return None

    def store(self, **_: Any) -> None:
        pass
