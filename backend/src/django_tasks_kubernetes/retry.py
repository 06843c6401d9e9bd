"""When a failed task is retried, and after which wait.

    @task(retry=Retry(max_attempts=5, backoff=Exponential(initial=1, max=300), on=(ConnectionError,)))
    def fetch(url: str) -> None: ...

Light, since task pods import it: no Django, nothing but names of the contract.
"""

import copyreg
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django_tasks_kubernetes.durations import Duration, seconds
from djangotasks_api.bounds import (
    BACKOFF_FACTOR,
    BACKOFF_MAX_SECONDS,
    BACKOFF_SECONDS,
    FAILURE_NAME_MAX_CHARS,
    FAILURE_NAMES_MAX,
    MAX_ATTEMPTS,
    RETRY_AFTER_SECONDS,
)

type Exceptions = tuple[type[BaseException], ...]


class RetryLater(Exception):
    """Raise it in a task to be retried `after` that time, whatever the backoff, `on` and `never` say.

    It counts as an attempt, and the task fails where it was the last one: `Retry(max_attempts=…)`.
    In an ExceptionGroup, `on` and `never` decide on the others: one that is not retried ends the task.
    """

    def __init__(self, *args: Any, after: Duration) -> None:
        self.after = seconds("RetryLater(after=…)", after, most=RETRY_AFTER_SECONDS.most)
        super().__init__(*(args or (f"in {self.after:g} s",)))

    def __reduce__(self) -> tuple[Any, ...]:
        # Without __init__, which needs `after`: worker processes hand it on as a pickle, and a pool waits for ever for
        # one that cannot be read.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


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
        if isinstance(number, bool) or not isinstance(number, (int, float)) or number not in BACKOFF_FACTOR:
            raise ValueError(f"Exponential(factor=…) must be a number {BACKOFF_FACTOR}, not {number!r}.")

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
        increment = seconds("Linear(increment=…)", self.increment, most=BACKOFF_SECONDS.most)
        return _spec("Linear", self.initial, self.max, self.jitter, factor=1.0, incrementSeconds=increment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Waits the same `delay` after each failure."""

    delay: Duration = 1.0
    jitter: bool = False

    def __post_init__(self) -> None:
        self.to_spec()

    def to_spec(self) -> dict[str, Any]:
        delay = seconds("Fixed(delay=…)", self.delay, most=BACKOFF_SECONDS.most)
        return _spec("Fixed", delay, delay, self.jitter, factor=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often a task is tried, `max_attempts` in all, and which failures are retried.

    `on`: exception classes that are retried, with their subclasses; None for all. `never`: classes that are not, even
    if `on` has them. An ExceptionGroup is retried if all exceptions in it are. An attempt that ended without an
    exception counts as the class that `result.errors` shows for it, such as `exceptions.OutOfMemory` or
    `exceptions.DeadlineExceeded`.
    """

    max_attempts: int = 3
    backoff: Exponential | Linear | Fixed = field(default_factory=Exponential)
    on: Exceptions | None = None
    never: Exceptions = ()

    def __post_init__(self) -> None:
        number: Any = self.max_attempts
        if isinstance(number, bool) or not isinstance(number, int) or number not in MAX_ATTEMPTS:
            raise ValueError(f"Retry(max_attempts=…) must be a whole number {MAX_ATTEMPTS}, not {number!r}.")
        if not isinstance(self.backoff, (Exponential, Linear, Fixed)):
            raise TypeError(f"Retry(backoff=…) must be Exponential(…), Linear(…) or Fixed(…), not {self.backoff!r}.")
        for name in ("on", "never"):
            value = getattr(self, name)
            if isinstance(value, (type, str)):
                value = (value,)
                object.__setattr__(self, name, value)
            if value is not None:
                object.__setattr__(self, name, _exceptions(f"Retry({name}=…)", value))


def path_of(class_: type[BaseException]) -> str:
    """The dotted path by which a retry policy names a class."""
    return f"{class_.__module__}.{class_.__qualname__}"


def is_retried(
    error: BaseException, on: tuple[str, ...] | None, never: tuple[str, ...], *, reason: str | None = None
) -> bool:
    """Whether an exception is retried, by the paths of its class and of its base classes, and by the reason, if the
    attempt has one besides, such as TaskNotFound.

    A group is retried if all exceptions in it are; `on` may name the class of the group instead. Nothing is imported: a
    path from a resource must not run code.
    """
    left, seen = [(error, on is None)], set[tuple[int, bool]]()
    while left:
        inner, is_named = left.pop()
        if (id(inner), is_named) in seen or isinstance(inner, RetryLater):
            continue
        seen.add((id(inner), is_named))
        names = {path_of(class_) for class_ in type(inner).__mro__}
        if reason and inner is error:
            names.add(reason)
        if not names.isdisjoint(never):
            return False
        is_named = is_named or not names.isdisjoint(on or ())
        if isinstance(inner, BaseExceptionGroup):
            left += [(each, is_named) for each in inner.exceptions]
        elif not is_named:
            return False
    return True


def retry_after(error: BaseException) -> float | None:
    """The seconds that RetryLater asks for; in a group, the longest."""
    waits = (_wait(leaf) for leaf in leaves_of(error) if isinstance(leaf, RetryLater))
    return max((wait for wait in waits if wait is not None), default=None)


def _wait(error: RetryLater) -> float | None:
    """None where a subclass has no such time, because it does not call __init__, say: the backoff decides then."""
    with suppress(Exception):
        return seconds("after", error.after, most=RETRY_AFTER_SECONDS.most)
    return None


def leaves_of(error: BaseException) -> list[BaseException]:
    """The exceptions in a group, and in the groups in it, each once; of another exception, itself.

    Without recursion, and each group once: it may be nested deeply, and in several others.
    """
    leaves, left, seen = list[BaseException](), [error], set[int]()
    while left:
        inner = left.pop()
        if id(inner) in seen:
            continue
        seen.add(id(inner))
        if isinstance(inner, BaseExceptionGroup):
            left += reversed(inner.exceptions)
        else:
            leaves.append(inner)
    return leaves


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
    first = seconds(f"{kind}(initial=…)", initial, most=BACKOFF_SECONDS.most)
    most = seconds(f"{kind}(max=…)", longest, most=BACKOFF_MAX_SECONDS.most)
    if most < first:
        raise ValueError(f"{kind}(max=…) must not be less than initial, {first:g} s: not {longest!r}.")
    return {"initialSeconds": first, "maxSeconds": most, "jitter": jitter} | more
