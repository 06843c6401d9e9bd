"""The status of a DjangoTaskQueue: whether it works, and how many tasks it has. Written by the operator."""

from typing import Annotated, Literal

from pydantic import Field

from djangotasks_api.bounds import CONDITIONS_MAX
from djangotasks_api.models.base import MAP_BY_TYPE, Count, Message, Model, ReasonWord, Timestamp
from djangotasks_api.models.condition import ReadyCondition
from djangotasks_api.models.hold import Held
from djangotasks_api.models.standby import StandbyStatus


class QueueCondition(ReadyCondition):
    """Ready, or StandbyReady, for kubectl wait."""

    type: Literal["Ready", "StandbyReady"]
    """Ready when tasks of the queue can be started. StandbyReady when its standby pods wait for them."""

    reason: ReasonWord
    """Ready, Suspended, Held, or what is wrong, such as DeploymentNotFound or InvalidTemplate."""


class QueueStatus(Model):
    """How many tasks the queue has, and whether it works. Written by the operator at intervals; the tasks themselves
    are the truth."""

    queued: Count = 0
    """Tasks that wait: for their time, for a free slot, for their next attempt."""

    running: Count = 0
    """Tasks that have a pod, or are about to."""

    oldest_queued_at: Timestamp | None = None
    """Since when the task that has been ready to start the longest is ready."""

    standby: StandbyStatus | None = None
    """The queue's standby pods, where it has some."""

    held: Held | None = None
    """The DjangoTaskHold that limits the queue now."""

    last_error: Message | None = None
    """What last kept a task of the queue from starting."""

    last_error_at: Timestamp | None = None
    """When that was."""

    conditions: Annotated[list[QueueCondition], Field(max_length=CONDITIONS_MAX)] = Field(
        default=[], json_schema_extra=MAP_BY_TYPE
    )
    """Ready, and StandbyReady where the queue has standby pods."""
