"""When a task that failed is tried again, and how long it waits before.

    @task(retry=Retry(max_attempts=5, backoff=Exponential(initial=1, max=300), on=(ConnectionError,)))
    def fetch(url: str) -> None: ...

Light, since task pods import it: no Django, nothing but names of the contract.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from django_tasks_kubernetes.durations import Duration, seconds
from djangotasks_api.names import FAILURE_NAME_MAX_CHARS, FAILURE_NAMES_MAX, SECONDS_PER_YEAR

DAY: Final = 86_400.0
WEEK: Final = 7 * DAY
# As in the CRD.
MAX_ATTEMPTS: Final = 100
FACTOR_MAX: Final = 100.0

type Exceptions = tuple[type[BaseException], ...]


class RetryLater(Exception):
    """Raised in a task: this attempt came too early. The next one starts `after` that time, whatever the backoff says.

    It counts as an attempt, and needs one to be left: `Retry(max_attempts=…)`. Neither `on` nor `never` is asked.
    """

    def __init__(self, *args: Any, after: Duration) -> None:
        self.after = seconds("RetryLater(after=…)", after, most=SECONDS_PER_YEAR)
        super().__init__(*(args or (f"in {self.after:g} s",)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential:
    """Waits `initial`, and `factor` times as long after each further failure, up to `max`. With `jitter`, for any time
    between nothing and that ("full jitter"), so that tasks that failed together do not come back together."""

    initial: Duration = 1.0
    factor: float = 2.0
    max: Duration = 300.0
    jitter: bool = True

    def __post_init__(self) -> None:
        self.to_spec()
        number: Any = self.factor
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 1 <= number <= FACTOR_MAX:
            raise ValueError(f"Exponential(factor=…) must be a number from 1 to {FACTOR_MAX:g}, not {number!r}.")

    def to_spec(self) -> dict[str, Any]:
        return _spec("Exponential", self.initial, self.max, self.jitter, factor=self.factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """Waits `initial`, and `increment` longer after each further failure, up to `max`."""

    initial: Duration = 1.0
    increment: Duration = 1.0
    max: Duration = 300.0
    jitter: bool = False

    def __post_init__(self) -> None:
        self.to_spec()

    def to_spec(self) -> dict[str, Any]:
        increment = seconds("Linear(increment=…)", self.increment, most=DAY)
        return _spec("Linear", self.initial, self.max, self.jitter, factor=1.0, incrementSeconds=increment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Waits the same `delay` after each failure."""

    delay: Duration = 1.0
    jitter: bool = False

    def __post_init__(self) -> None:
        self.to_spec()

    def to_spec(self) -> dict[str, Any]:
        delay = seconds("Fixed(delay=…)", self.delay, most=DAY)
        return _spec("Fixed", delay, delay, self.jitter, factor=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a task is tried, `max_attempts` in all, and which failures are tried again.

    `on`: exception classes that are, subclasses included; None for all. `never`: classes that are not, whatever `on`
    says. An attempt that ended without an exception counts as the class that `result.errors` shows for it, such as
    `exceptions.OutOfMemory` or `exceptions.DeadlineExceeded`.
    """

    max_attempts: int = 3
    backoff: Exponential | Linear | Fixed = field(default_factory=Exponential)
    on: Exceptions | None = None
    never: Exceptions = ()

    def __post_init__(self) -> None:
        number: Any = self.max_attempts
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MAX_ATTEMPTS:
            raise ValueError(f"Retry(max_attempts=…) must be a whole number from 1 to {MAX_ATTEMPTS}, not {number!r}.")
        if not isinstance(self.backoff, (Exponential, Linear, Fixed)):
            raise TypeError(f"Retry(backoff=…) must be Exponential(…), Linear(…) or Fixed(…), not {self.backoff!r}.")
        for name in ("on", "never"):
            value = getattr(self, name)
            if isinstance(value, type):
                value = (value,)
                object.__setattr__(self, name, value)
            if value is not None:
                object.__setattr__(self, name, _exceptions(f"Retry({name}=…)", value))


def path_of(class_: type[BaseException]) -> str:
    """The class as a retry policy names it: where it is defined."""
    return f"{class_.__module__}.{class_.__qualname__}"


def is_retried(error: BaseException, on: tuple[str, ...] | None, never: tuple[str, ...]) -> bool:
    """Whether an exception is tried again, by the paths of its class and of its base classes. Nothing is imported: a
    path from a resource must not run anything."""
    names = {path_of(class_) for class_ in type(error).__mro__}
    return names.isdisjoint(never) and (on is None or not names.isdisjoint(on))


def _exceptions(name: str, classes: Any) -> Exceptions:
    try:
        found = tuple(classes)
    except TypeError:
        found = (classes,)
    for class_ in found:
        if not (isinstance(class_, type) and issubclass(class_, BaseException)):
            raise TypeError(f"{name} must hold exception classes, such as (ConnectionError,), not {class_!r}.")
        if len(path_of(class_)) > FAILURE_NAME_MAX_CHARS:
            raise ValueError(f"{name}: the path of {path_of(class_)[:80]}… is too long.")
    if len(found) > FAILURE_NAMES_MAX:
        raise ValueError(f"{name} must hold at most {FAILURE_NAMES_MAX} classes; name a base class of them.")
    return found


def _spec(kind: str, initial: Duration, longest: Duration, jitter: object, **more: float) -> dict[str, Any]:
    if not isinstance(jitter, bool):
        raise TypeError(f"{kind}(jitter=…) must be True or False, not {jitter!r}.")
    first = seconds(f"{kind}(initial=…)", initial, most=DAY)
    most = seconds(f"{kind}(max=…)", longest, most=WEEK)
    if most < first:
        raise ValueError(f"{kind}(max=…) must not be less than initial, {first:g} s: not {longest!r}.")
    return {"initialSeconds": first, "maxSeconds": most, "jitter": jitter} | more
