"""kopf's part: the watch of what administrators configure. A handler parses an event into the store; nothing depends
on its being called."""

from typing import Any

import kopf

from djangotasks_api.names import API_VERSION, QUEUE_PLURAL
from djangotasks_operator.kinds import QUEUE_KIND
from djangotasks_operator.store import Store
from djangotasks_operator.streams import Streams


def register(registry: kopf.OperatorRegistry, store: Store, streams: Streams) -> None:
    """`streams`: is told of every event."""

    async def on_queue(event: kopf.RawEvent, **_: Any) -> None:
        body: Any = event["object"]
        metadata = body["metadata"]
        streams.told(QUEUE_PLURAL, metadata["namespace"], metadata["resourceVersion"])
        QUEUE_KIND.take(store, {"type": event["type"], "object": body})

    group, version = API_VERSION.split("/")
    kopf.on.event(group, version, QUEUE_PLURAL, registry=registry)(on_queue)
