"""The holds that are cached: people's limits on queues, for a while."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from djangotasks_api.models import Held, HoldSpec
from djangotasks_api.names import HOLD_PLURAL
from djangotasks_api.times import in_utc
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.latest import Latest
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.pods.views import Body
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.status.text import plain

# Of the text of a hold that cannot be read.
PROBLEM_MAX_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Hold:
    """One version of a DjangoTaskHold. Its key is that of its queue."""

    key: Key
    uid: str
    resource_version: str
    held: Held
    deleting: bool = False
    """Somebody has deleted it, and a finalizer keeps it."""

    def is_over(self, now: datetime) -> bool:
        """Whether it holds nothing any more, although it is still there."""
        return self.deleting or (self.held.until is not None and self.held.until <= now)


def parse_hold(body: Body) -> Hold:
    """Parse a hold. One that the model rejects starts nothing, since that is what can be made good again; what is wrong
    is in its reason."""
    metadata = body["metadata"]
    created_at = datetime.fromisoformat(metadata["creationTimestamp"])
    try:
        spec = HoldSpec.model_validate(body.get("spec"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        problem = f"the hold cannot be read: {'.'.join(map(str, first['loc']))}: {first['msg']}"
        held = Held(concurrency=0, reason=_line(problem)[:PROBLEM_MAX_CHARS], since=created_at)
    else:
        held = Held(
            concurrency=spec.concurrency,
            by=_line(spec.by),
            reason=_line(spec.reason),
            since=created_at,
            until=None if spec.until is None else in_utc(spec.until),
        )
    key = Key(metadata["namespace"], metadata["name"])
    return Hold(key, metadata["uid"], metadata["resourceVersion"], held, bool(metadata.get("deletionTimestamp")))


def _line(text: str) -> str:
    """As a person may see it on a terminal."""
    return " ".join(plain(text).split())


class Holds(Latest[Hold]):
    """By the key of the queue."""

    def __init__(self, changed: Callable[[Key], None], monitor: WatchMonitor, deleted: Tombstones) -> None:
        super().__init__(HOLD_PLURAL, _differ, changed, monitor, deleted)

    def of(self, queue: Key, now: datetime) -> Held | None:
        """How the queue is held now. None where it is not."""
        hold = self.get(queue)
        return None if hold is None or hold.is_over(now) else hold.held


def _differ(known: Hold, hold: Hold) -> bool:
    return (known.held, known.deleting) != (hold.held, hold.deleting)
