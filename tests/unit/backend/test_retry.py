"""Retry policies: what they take, and which exceptions they try again."""

import pickle
from datetime import timedelta
from typing import Any

import pytest

import django_tasks_kubernetes as package
from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.codec.reasons import reasons_of
from django_tasks_kubernetes.retry import is_retried, retry_after

# Without their types: what is wrong is found when it runs, too.
api: Any = package
Exponential, Fixed, Linear, Retry, RetryLater = (
    getattr(api, name) for name in ("Exponential", "Fixed", "Linear", "Retry", "RetryLater")
)


class Flaky(ConnectionError):
    pass


class Busy(package.RetryLater):
    """Its constructor is not that of its base class, as with exceptions of projects."""

    def __init__(self, side: str, after: Any = None) -> None:
        Exception.__init__(self, f"{side} is busy")
        if after is not None:
            self.after = after


GROUP = ExceptionGroup("two", [Flaky(), ExceptionGroup("one more", [TimeoutError()])])

WAITS: list[tuple[Any, dict[str, Any]]] = [
    (Exponential(), {"initialSeconds": 1, "factor": 2, "maxSeconds": 300, "jitter": True}),
    (Exponential(initial=timedelta(minutes=1), max=timedelta(hours=1), jitter=False),
     {"initialSeconds": 60, "factor": 2, "maxSeconds": 3600, "jitter": False}),
    (Linear(initial=2, increment=0.5, max=10),
     {"initialSeconds": 2, "incrementSeconds": 0.5, "factor": 1, "maxSeconds": 10, "jitter": False}),
    (Fixed(delay=7, jitter=True), {"initialSeconds": 7, "factor": 1, "maxSeconds": 7, "jitter": True}),
]  # fmt: skip


@pytest.mark.parametrize(("backoff", "spec"), WAITS)
def test_backoffs_in_the_resource(backoff: Any, spec: dict[str, Any]) -> None:
    assert backoff.to_spec() == spec


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Retry(max_attempts=0), ValueError, r"Retry\(max_attempts=…\) must be a whole number from 1 to 100, not 0"),
        (lambda: Retry(max_attempts=True), ValueError, "whole number"),
        (lambda: Retry(max_attempts=2.5), ValueError, "whole number"),
        (lambda: Retry(backoff=5), TypeError, r"must be Exponential\(…\), Linear\(…\) or Fixed\(…\), not 5"),
        (lambda: Retry(on="OSError"), TypeError, r"must hold exception classes, .* not 'OSError'"),
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
def test_retry_refuses_wrong_values(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_retry_takes_one_class_without_a_tuple() -> None:
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
        # A group is what all in it are.
        (GROUP, None, (), True),
        (GROUP, ("builtins.OSError",), (), True),
        (GROUP, ("builtins.ConnectionError",), (), False),
        (GROUP, None, ("builtins.TimeoutError",), False),
        (GROUP, ("builtins.OSError",), ("builtins.TimeoutError",), False),
        (GROUP, ("builtins.ExceptionGroup",), (), True),
        (GROUP, ("builtins.ExceptionGroup",), ("builtins.TimeoutError",), False),
        (GROUP, None, ("builtins.ExceptionGroup",), False),
        (ExceptionGroup("outer", [GROUP, ValueError()]), ("builtins.OSError",), (), False),
        (RetryLater(after=1), ("builtins.OSError",), ("builtins.Exception",), True),
        (ExceptionGroup("", [RetryLater(after=1), Flaky()]), ("builtins.OSError",), (), True),
        (ExceptionGroup("", [RetryLater(after=1), ValueError()]), ("builtins.OSError",), (), False),
        # A path is compared, and never imported.
        (ValueError(), ("tests.unit.backend.broken.X",), (), False),
    ],
)
def test_is_retried_walks_base_classes(
    error: BaseException, on: tuple[str, ...] | None, never: tuple[str, ...], expected: bool
) -> None:
    assert is_retried(error, on, never) is expected


def test_classes_stand_for_the_reasons_that_results_show_for_them() -> None:
    assert {"TaskNotFound", "SetupError"} <= set(reasons_of((exceptions.SetupFailed,)))
    assert "NotATask" in reasons_of((exceptions.NotATask,))


@pytest.mark.parametrize(
    ("error", "after"),
    [
        (ValueError(), None),
        (GROUP, None),
        (RetryLater(after=5), 5),
        (ExceptionGroup("", [Flaky(), ExceptionGroup("", [RetryLater(after=5), RetryLater(after=7)])]), 7),
        (Busy("CRM"), None),
        (ExceptionGroup("", [Busy("CRM"), RetryLater(after=5)]), 5),
        (Busy("CRM", after=timedelta(minutes=1)), 60),
        (Busy("CRM", after=float("nan")), None),
        (Busy("CRM", after="soon"), None),
    ],
)
def test_the_longest_wait_that_is_asked_for(error: Exception, after: float | None) -> None:
    assert retry_after(error) == after


def test_retry_later_takes_a_duration() -> None:
    assert (RetryLater(after=timedelta(minutes=2)).after, str(RetryLater(after=2))) == (120, "in 2 s")
    assert str(RetryLater("the other side is busy", after=2)) == "the other side is busy"


@pytest.mark.parametrize("error", [RetryLater(after=2), RetryLater("it is busy", 7, after=2), Busy("CRM", after=2)])
def test_retry_later_comes_back_from_a_worker_process(error: Any) -> None:
    """A pool waits for ever for one that does not: https://github.com/python/cpython/issues/103061"""
    found = pickle.loads(pickle.dumps(error))
    assert (type(found), found.args, found.after) == (type(error), error.args, 2)


def test_ends_without_an_exception_have_classes() -> None:
    assert issubclass(exceptions.DeadlineExceeded, TimeoutError)
    assert issubclass(exceptions.OutOfMemory, exceptions.ProcessExited)
