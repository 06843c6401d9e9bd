"""How often and how long a task is tried, and how long it is kept."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import (
    BACKOFF_FACTOR,
    BACKOFF_MAX_SECONDS,
    BACKOFF_SECONDS,
    FAILURE_NAME_MAX_CHARS,
    FAILURE_NAMES_MAX,
    GRACE_PERIOD_SECONDS,
    HEARTBEAT_TIMEOUT_SECONDS,
    MAX_ATTEMPTS,
    START_TIMEOUT_SECONDS,
    TIMEOUT_SECONDS,
    TTL_SECONDS,
)
from djangotasks_api.models.base import Model, within
from djangotasks_api.names import FAILURE_NAME_PATTERN

# An exception's dotted path, such as builtins.ConnectionError, or a reason, such as OOMKilled.
FailureName = Annotated[str, StringConstraints(pattern=FAILURE_NAME_PATTERN, max_length=FAILURE_NAME_MAX_CHARS)]
FailureNames = Annotated[list[FailureName], Field(max_length=FAILURE_NAMES_MAX)]


class Backoff(Model):
    """The wait after the n-th failure: initialSeconds × factor^(n - 1) + incrementSeconds × (n - 1), and at most
    maxSeconds."""

    initial_seconds: Annotated[float, within(BACKOFF_SECONDS)] = 1.0
    """Seconds before the second attempt."""

    factor: Annotated[float, within(BACKOFF_FACTOR)] = 2.0
    """What each further wait is multiplied by. 1 keeps the wait the same."""

    increment_seconds: Annotated[float, within(BACKOFF_SECONDS)] = 0.0
    """What is added for each further wait, in seconds."""

    max_seconds: Annotated[float, within(BACKOFF_MAX_SECONDS)] = 300.0
    """The longest wait, in seconds."""

    jitter: bool = False
    """Full jitter: wait for a random time between zero and that, so that tasks that failed together are not retried
    together."""


class BoundedPolicy(Model):
    """The part of a policy that a queue's ceilings can bound."""

    max_attempts: Annotated[int, within(MAX_ATTEMPTS)] | None = None
    """Attempts in all, the first included. Interruptions, such as a lost node, do not count. A policy's default: 1."""

    timeout_seconds: Annotated[int, within(TIMEOUT_SECONDS)] | None = None
    """How long one attempt may run, in seconds from its start. A policy's default: the ceiling, or else no limit."""

    grace_period_seconds: Annotated[int, within(GRACE_PERIOD_SECONDS)] | None = None
    """How long the task may clean up between SIGTERM and SIGKILL, in seconds. A policy's default: the pod template's,
    or 30."""

    heartbeat_timeout_seconds: Annotated[int, within(HEARTBEAT_TIMEOUT_SECONDS)] | None = None
    """How long a running attempt may report no progress, in seconds. A policy's default: no limit."""

    start_timeout_seconds: Annotated[int, within(START_TIMEOUT_SECONDS)] | None = None
    """How long a pod may take to start (scheduling, image pull), in seconds. A policy's default: 300."""

    ttl_seconds_after_finished: Annotated[int, within(TTL_SECONDS)] | None = None
    """How long the finished task is kept, with its result, Job and Pod, in seconds. A policy's default: 86400."""


class Policy(BoundedPolicy):
    """A field that is unset here takes its value from the queue's policy, or else its default."""

    backoff: Backoff | None = None
    """The wait between attempts."""

    retry_on: FailureNames | None = None
    """What is retried: exceptions by their dotted paths, subclasses included, and reasons of attempts that ended
    without one, such as OOMKilled. Default: everything."""

    never_retry_on: FailureNames | None = None
    """What is not retried, in the same words. It overrules retryOn."""
