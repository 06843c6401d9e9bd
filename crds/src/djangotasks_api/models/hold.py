"""DjangoTaskHold: fewer tasks of a queue than the queue itself allows, for a while."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import HOLD_BY_MAX_CHARS, HOLD_CONCURRENCY, HOLD_REASON_MAX_CHARS
from djangotasks_api.models.base import Metadata, Model, Timestamp, within


class HoldSpec(Model):
    """What a person asks for. It only ever lowers: what starts is limited by the queue and by the hold."""

    concurrency: Annotated[int, within(HOLD_CONCURRENCY)] = 0
    """How many tasks of the queue may run at once, at most. 0 starts nothing. What runs goes on."""

    until: Timestamp | None = None
    """The hold is over at this time, and is then deleted. Default: when somebody deletes it."""

    by: Annotated[str, StringConstraints(min_length=1, max_length=HOLD_BY_MAX_CHARS)]
    """Who holds the queue, for people."""

    reason: Annotated[str, StringConstraints(max_length=HOLD_REASON_MAX_CHARS)] = ""
    """Why, for people."""


class DjangoTaskHold(Model):
    """Holds the queue that has its name: nothing of it is started, or less, until somebody deletes the hold or its time
    is over."""

    metadata: Metadata
    spec: HoldSpec


class Held(Model):
    """The hold of a queue, as the operator goes by it."""

    concurrency: Annotated[int, Field(ge=0)]
    """How many tasks of the queue may run at once, at most."""

    by: Annotated[str, StringConstraints(max_length=HOLD_BY_MAX_CHARS)] = ""
    """Who holds it."""

    reason: Annotated[str, StringConstraints(max_length=HOLD_REASON_MAX_CHARS)] = ""
    """Why."""

    since: Timestamp | None = None
    """When the hold was created."""

    until: Timestamp | None = None
    """When it is over."""
