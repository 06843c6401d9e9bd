"""The limits of a task and of a queue, with all defaults filled in. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b

from djangotasks_api.models import Backoff, DjangoTaskQueue, Held, Policy
from djangotasks_operator.scheduling.scheduler import QueueQuota

DEFAULT_BACKOFF = Backoff()
INTERRUPTION_BACKOFF = Backoff(initial_seconds=1, factor=2, max_seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one task. None for no limit."""

    max_attempts: int = 1
    backoff: Backoff = DEFAULT_BACKOFF
    retry_on: tuple[str, ...] | None = None
    """Reasons and exceptions after which an attempt is retried; None for all."""
    never_retry_on: tuple[str, ...] = ()
    timeout: timedelta | None = None
    """How long an attempt may run."""
    heartbeat_timeout: timedelta | None = None
    """How long an attempt may run without a report."""
    grace_period: timedelta | None = None
    """From SIGTERM to SIGKILL; None for the pod template's."""
    start_timeout: timedelta = timedelta(seconds=300)
    """How long a pod may take to start."""
    ttl: timedelta = timedelta(days=1)
    """How long a finished task is kept."""

    def retries(self, reason: str) -> bool:
        """Whether an attempt that ended with this *reason* is retried. Exceptions are judged in the pod, which can walk
        their MRO."""
        return reason not in self.never_retry_on and (self.retry_on is None or reason in self.retry_on)


DEFAULTS = Limits()


def resolve(task: Policy | None, queue: DjangoTaskQueue | None) -> Limits:
    """Take each limit from the task's policy, or else its queue's, or else the defaults."""
    sources = [policy for policy in (task, queue.spec.policy if queue else None) if policy is not None]

    def seconds(name: str) -> timedelta | None:
        value = next((v for s in sources if (v := getattr(s, name)) is not None), None)
        return None if value is None else timedelta(seconds=value)

    ttl = seconds("ttl_seconds_after_finished")
    retry_on = next((s.retry_on for s in sources if s.retry_on is not None), None)
    never = next((s.never_retry_on for s in sources if s.never_retry_on is not None), [])
    return Limits(
        max_attempts=next((s.max_attempts for s in sources if s.max_attempts is not None), DEFAULTS.max_attempts),
        backoff=next((s.backoff for s in sources if s.backoff is not None), DEFAULTS.backoff),
        retry_on=None if retry_on is None else tuple(retry_on),
        never_retry_on=tuple(never),
        timeout=seconds("timeout_seconds") or _timeout_ceiling(queue),
        heartbeat_timeout=seconds("heartbeat_timeout_seconds"),
        grace_period=seconds("grace_period_seconds"),
        start_timeout=seconds("start_timeout_seconds") or DEFAULTS.start_timeout,
        ttl=DEFAULTS.ttl if ttl is None else ttl,
    )


def _timeout_ceiling(queue: DjangoTaskQueue | None) -> timedelta | None:
    """The timeout of tasks that ask for none: without one they would be over the queue's ceiling."""
    ceilings = queue.spec.ceilings if queue else None
    most = ceilings.timeout_seconds if ceilings else None
    return None if most is None else timedelta(seconds=most)


def quota_of(queue: DjangoTaskQueue, held: Held | None = None) -> QueueQuota:
    """The quota that the queue's spec sets, and a hold lowers."""
    spec = queue.spec
    of_hold = None if held is None else held.concurrency
    limits = [limit for limit in (spec.concurrency, of_hold) if limit is not None]
    rate = None if spec.rate_limit is None else (spec.rate_limit.starts, float(spec.rate_limit.period_seconds))
    return QueueQuota(concurrency=min(limits, default=None), weight=spec.weight, rate=rate, suspended=spec.suspended)


def delay(backoff: Backoff, failures: int, attempt: str) -> timedelta:
    """The wait after the given number of failures (at least 1).

    `attempt`: the name of the attempt's Job. The jitter is derived from it, so the same question has the same answer.
    """
    try:
        wait = backoff.initial_seconds * backoff.factor ** (failures - 1)
    except OverflowError:
        wait = backoff.max_seconds
    wait = min(wait + backoff.increment_seconds * (failures - 1), backoff.max_seconds)
    if backoff.jitter:
        # https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
        wait *= int.from_bytes(blake2b(attempt.encode(), digest_size=8).digest()) / 2**64
    return timedelta(seconds=wait)
