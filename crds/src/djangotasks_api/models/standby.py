"""Standby: the pods of a queue that wait for a task, with Django set up."""

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from djangotasks_api.bounds import (
    PRELOAD_MAX,
    STANDBY_IDLE_SECONDS,
    STANDBY_MAX,
    STANDBY_MAX_AGE_SECONDS,
    STANDBY_MIN,
    TASK_PATH_MAX_CHARS,
)
from djangotasks_api.models.base import Count, Model, within
from djangotasks_api.names import MODULE_PATTERN

ModulePath = Annotated[str, StringConstraints(pattern=MODULE_PATTERN, max_length=TASK_PATH_MAX_CHARS)]


class Standby(Model):
    """Pods that are started before there is a task, so that it does not wait for that. Each runs one task, and reserves
    its requests while it waits."""

    min: Annotated[int, within(STANDBY_MIN)] = 1
    """How many there are at least, also where no tasks come."""

    max: Annotated[int, within(STANDBY_MAX)] = 10
    """How many there are at most. Between the two, the rate of tasks decides."""

    idle_seconds: Annotated[int, within(STANDBY_IDLE_SECONDS)] = 300
    """Seconds after which those beyond what the rate of tasks needs are deleted."""

    max_age_seconds: Annotated[int, within(STANDBY_MAX_AGE_SECONDS)] = 3600
    """Seconds after which one is replaced: its environment, from ConfigMaps and Secrets, is as old as the pod."""

    preload: Annotated[list[ModulePath], Field(max_length=PRELOAD_MAX)] = []
    """Modules that are imported before there is a task. Default: those of the tasks that the queue ran last."""

    @model_validator(mode="after")
    def ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError("max must be at least min")
        return self


class StandbyStatus(Model):
    """The standby pods that no task has claimed."""

    ready: Count = 0
    """Those that wait for a task."""

    starting: Count = 0
    """Those that are being started."""
