"""All that kopf calls: login, start, end, and the events of queues.

They are few, and change rarely. The handler only puts the queue into the cache, which enqueues keys: kopf does not
retry the handlers of events.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import kopf

from djangotasks_api.names import GROUP, QUEUE_PLURAL, VERSION
from djangotasks_operator.cache.kinds import QUEUE_SOURCE
from djangotasks_operator.cache.store import Store
from djangotasks_operator.runtime.credentials import login
from djangotasks_operator.runtime.kopf_shell import configure, repeated_login
from djangotasks_operator.runtime.watch_monitor import WatchMonitor


def make_registry(store: Store, monitor: WatchMonitor, drain: Callable[[], Awaitable[None]]) -> kopf.OperatorRegistry:
    """Register the handlers. `drain`: called when the process is to end; stops all that writes."""
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(repeated_login(login))

    @kopf.on.startup(registry=registry)
    async def start(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)

    # Not to be tried again a minute later, when the pod's grace period is over.
    @kopf.on.cleanup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def end(**_: Any) -> None:
        await drain()

    @kopf.on.event(GROUP, VERSION, QUEUE_PLURAL, id=QUEUE_PLURAL, registry=registry)
    async def changed(event: kopf.RawEvent, **_: Any) -> None:
        body: Any = event["object"]
        metadata = body["metadata"]
        monitor.observed(QUEUE_PLURAL, metadata["namespace"], metadata["resourceVersion"])
        QUEUE_SOURCE.apply_event(store, {"type": event["type"], "object": body})

    return registry
