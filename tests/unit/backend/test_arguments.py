"""Arguments that a function does not take are refused where they are given."""

import functools
import sys
from collections.abc import Callable
from typing import Any

import pytest

from django_tasks_kubernetes.arguments import accept_arguments
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks


def plain(a: int, b: int = 2, *, c: int = 3) -> None: ...


def with_one_more(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function("more", *args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((), {}, "missing a required argument: 'a'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"d": 4}, "got an unexpected keyword argument 'd'"),
        ((1,), {"a": 1}, "multiple values for argument 'a'"),
    ],
)
def test_what_does_not_fit_is_said(args: tuple[Any, ...], kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=f"The arguments do not fit shop.plain: {words}"):
        accept_arguments(plain, "shop.plain", args, kwargs)


def test_what_fits_is_accepted() -> None:
    accept_arguments(plain, "shop.plain", (1,), {"c": 4})
    accept_arguments(plain, "shop.plain", (), {}, takes_context=True)
    accept_arguments(with_one_more(plain), "shop.plain", (), {})


def test_annotations_are_not_evaluated() -> None:
    # From Python 3.14 on nothing need be imported for that.
    ahead = "" if sys.version_info >= (3, 14) else "from __future__ import annotations\n"
    found: dict[str, Any] = {}
    exec(ahead + "def later(a: KnownToTypeCheckersAlone) -> None: ...", found)
    accept_arguments(found["later"], "shop.later", (1,), {})


def test_enqueue_refuses_them() -> None:
    with in_memory() as cluster:
        with pytest.raises(TypeError, match=r"do not fit tests\.unit\.backend\.tasks\.fails: .*'unknown'"):
            tasks.fails.enqueue(unknown=1)  # type: ignore[call-arg]
        assert cluster.resources == {}
