"""How often and how long a task is tried, and how long it is kept."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.models.base import Model
from djangotasks_api.names import FAILURE_NAME_MAX_CHARS, FAILURE_NAME_PATTERN, FAILURE_NAMES_MAX

# An exception's dotted path, such as builtins.ConnectionError, or a reason, such as OOMKilled.
FailureName = Annotated[str, StringConstraints(pattern=FAILURE_NAME_PATTERN, max_length=FAILURE_NAME_MAX_CHARS)]
FailureNames = Annotated[list[FailureName], Field(max_length=FAILURE_NAMES_MAX)]


class Backoff(Model):
    """The wait after the n-th failure: initialSeconds × factor^(n - 1) + incrementSeconds × (n - 1), and at most
    maxSeconds."""

    initial_seconds: Annotated[float, Field(ge=0, le=86_400)] = 1.0
    """Seconds before the second attempt."""

    factor: Annotated[float, Field(ge=1, le=100)] = 2.0
    """What each further wait is multiplied by. 1 keeps the wait the same."""

    increment_seconds: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    """What is added for each further wait, in seconds."""

    max_seconds: Annotated[float, Field(ge=0, le=604_800)] = 300.0
    """The longest wait, in seconds."""

    jitter: bool = False
    """Full jitter: wait for any time between nothing and that, so that what failed together is not tried together."""


class Policy(Model):
    """What is unset here is taken from the queue's policy, and then from the default."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] | None = None
    """Attempts in all, the first included. Interruptions, such as a lost node, do not count. Default: 1."""

    backoff: Backoff | None = None
    """The wait between attempts."""

    retry_on: FailureNames | None = None
    """What is tried again: exceptions by their dotted paths, subclasses included, and reasons of attempts that ended
    without one, such as OOMKilled. Default: everything."""

    never_retry_on: FailureNames | None = None
    """What is not tried again, in the same words. It has the last word."""

    timeout_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    """How long one attempt may run, in seconds from its start. Default: no limit."""

    grace_period_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """How long the task may clean up between SIGTERM and SIGKILL, in seconds. Default: the pod template's, or 30."""

    heartbeat_timeout_seconds: Annotated[int, Field(ge=2, le=86_400)] | None = None
    """How long a running attempt may show no progress, in seconds. Default: no limit."""

    start_timeout_seconds: Annotated[int, Field(ge=1, le=604_800)] | None = None
    """How long a pod may take to start (scheduling, image pull), in seconds. Default: 300."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=315_360_000)] | None = None
    """How long the finished task is kept, with its result, Job and Pod, in seconds. Default: 86400."""
