"""Retry policies: what they take, and which exceptions they try again."""

from datetime import timedelta
from typing import Any

import pytest

import django_tasks_kubernetes as package
from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.retry import is_retried

# Without their types: what is wrong is found when it runs, too.
api: Any = package
Exponential, Fixed, Linear, Retry, RetryLater = (
    getattr(api, name) for name in ("Exponential", "Fixed", "Linear", "Retry", "RetryLater")
)


class Flaky(ConnectionError):
    pass


WAITS: list[tuple[Any, dict[str, Any]]] = [
    (Exponential(), {"initialSeconds": 1, "factor": 2, "maxSeconds": 300, "jitter": True}),
    (Exponential(initial=timedelta(minutes=1), max=timedelta(hours=1), jitter=False),
     {"initialSeconds": 60, "factor": 2, "maxSeconds": 3600, "jitter": False}),
    (Linear(initial=2, increment=0.5, max=10),
     {"initialSeconds": 2, "incrementSeconds": 0.5, "factor": 1, "maxSeconds": 10, "jitter": False}),
    (Fixed(delay=7, jitter=True), {"initialSeconds": 7, "factor": 1, "maxSeconds": 7, "jitter": True}),
]  # fmt: skip


@pytest.mark.parametrize(("backoff", "spec"), WAITS)
def test_backoffs(backoff: Any, spec: dict[str, Any]) -> None:
    assert backoff.to_spec() == spec


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Retry(max_attempts=0), ValueError, r"Retry\(max_attempts=…\) must be a whole number from 1 to 100, not 0"),
        (lambda: Retry(max_attempts=True), ValueError, "whole number"),
        (lambda: Retry(max_attempts=2.5), ValueError, "whole number"),
        (lambda: Retry(backoff=5), TypeError, r"must be Exponential\(…\), Linear\(…\) or Fixed\(…\), not 5"),
        (lambda: Retry(on=("builtins.OSError",)), TypeError, r"Retry\(on=…\) must hold exception classes"),
        (lambda: Retry(never=ValueError("x")), TypeError, r"Retry\(never=…\) must hold exception classes"),
        (lambda: Exponential(initial="1s"), TypeError, r"Exponential\(initial=…\) must be a timedelta or a number"),
        (lambda: Exponential(initial=-1), ValueError, "from 0 s to 86400 s, not -1"),
        (lambda: Exponential(initial=float("nan")), ValueError, "not nan"),
        (lambda: Exponential(factor=0.5), ValueError, "factor.* from 1 to 100, not 0.5"),
        (lambda: Exponential(initial=10, max=5), ValueError, "must not be less than initial, 10 s"),
        (lambda: Exponential(jitter="full"), TypeError, "must be True or False"),
        (lambda: Linear(increment=timedelta(days=2)), ValueError, r"Linear\(increment=…\)"),
        (lambda: Fixed(delay=None), TypeError, r"Fixed\(delay=…\)"),
        (lambda: RetryLater(after=-1), ValueError, r"RetryLater\(after=…\) must be from 0 s"),
        (lambda: RetryLater(after="soon"), TypeError, "timedelta or a number of seconds"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_where_it_is_written(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_one_class_needs_no_tuple() -> None:
    assert Retry(on=OSError).on == (OSError,)


@pytest.mark.parametrize(
    ("error", "on", "never", "expected"),
    [
        (ValueError(), None, (), True),
        (Flaky(), ("builtins.ConnectionError",), (), True),
        (Flaky(), ("builtins.OSError",), (), True),
        (Flaky(), (f"{__name__}.Flaky",), (), True),
        (ConnectionError(), (f"{__name__}.Flaky",), (), False),
        (Flaky(), None, ("builtins.ConnectionError",), False),
        (Flaky(), ("builtins.OSError",), ("builtins.ConnectionError",), False),
        (TimeoutError(), ("builtins.OSError",), ("builtins.ConnectionError",), True),
        (ValueError(), (), (), False),
        (SystemExit(), ("builtins.SystemExit",), (), True),
        # A path is compared, and never imported.
        (ValueError(), ("tests.unit.backend.broken.X",), (), False),
    ],
)
def test_which_exceptions_are_tried_again(
    error: BaseException, on: tuple[str, ...] | None, never: tuple[str, ...], expected: bool
) -> None:
    assert is_retried(error, on, never) is expected


def test_retry_later() -> None:
    assert (RetryLater(after=timedelta(minutes=2)).after, str(RetryLater(after=2))) == (120, "in 2 s")
    assert str(RetryLater("the other side is busy", after=2)) == "the other side is busy"


def test_ends_without_an_exception_have_classes_too() -> None:
    assert issubclass(exceptions.DeadlineExceeded, TimeoutError)
    assert issubclass(exceptions.OutOfMemory, exceptions.ProcessExited)
