"""Lives in which the operator crashes at one of its calls: each call, before and after it, is a case of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self

import pytest

from tests.support.lanes import Lanes


class InLife(Protocol):
    """A case. Tests have it as their parameter `case`."""

    @property
    def life(self) -> str: ...


def nth_call(calls: Sequence[str], index: int) -> tuple[str, int]:
    """The label of a call, and which of its kind it is."""
    return calls[index], calls[: index + 1].count(calls[index])


def selected[C](request: pytest.FixtureRequest, cases: Iterable[C]) -> list[C]:
    """Those of the cases that tests of the same file were selected for."""
    wanted = {
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and item.path == request.path
        and "case" in getattr(getattr(item, "callspec", None), "params", ())
    }
    return [case for case in cases if case in wanted]


@dataclass
class Work[C: InLife]:
    """What runs in the lanes, and is waited for by the tests."""

    expected: dict[str, Future[dict[str, Any]]]
    """The lives without a crash."""
    crashes: dict[C, Future[dict[str, Any]]]

    @classmethod
    def begin[L](cls, lanes: Lanes, lives: Mapping[str, L], cases: Iterable[C], live: Callable[..., Any]) -> Self:
        """`live`: takes a stage, `life`, and `at`, the case where there is a crash."""
        return cls(
            {name: lanes.submit(partial(live, life=life)) for name, life in lives.items()},
            {case: lanes.submit(partial(live, life=lives[case.life], at=case)) for case in cases},
        )
