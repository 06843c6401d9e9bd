"""Lives in which the operator crashes at one of its calls: each call, before and after it, is a case of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Self

import pytest

from tests.support.faults import AFTER, BEFORE, Moment
from tests.support.lanes import Lanes


@dataclass(frozen=True)
class CrashCase:
    """A crash at one call of a life. Tests have it as their parameter `case`."""

    life: str
    label: str
    """Of the call."""
    nth: int
    """Which of its kind it is."""
    moment: Moment

    def __str__(self) -> str:
        return f"{self.life}-{self.moment} {self.label}" + (f" {self.nth}" if self.nth > 1 else "")


class WithCalls(Protocol):
    """A life."""

    @property
    def calls(self) -> tuple[str, ...]: ...


def crash_cases(lives: Mapping[str, WithCalls]) -> list[CrashCase]:
    """Before and after each call of each life."""
    return [
        CrashCase(name, label, life.calls[: index + 1].count(label), moment)
        for name, life in lives.items()
        for index, label in enumerate(life.calls)
        for moment in (BEFORE, AFTER)
    ]


def selected(request: pytest.FixtureRequest, cases: Iterable[CrashCase]) -> list[CrashCase]:
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
class Work:
    """What runs in the lanes, and is waited for by the tests."""

    expected: dict[str, Future[dict[str, Any]]]
    """The lives without a crash."""
    crashes: dict[CrashCase, Future[dict[str, Any]]]

    @classmethod
    def begin[L](
        cls, lanes: Lanes, lives: Mapping[str, L], cases: Iterable[CrashCase], live: Callable[..., Any]
    ) -> Self:
        """`live`: takes a stage, `life`, and `at`, the case where there is a crash."""
        return cls(
            {name: lanes.submit(partial(live, life=life)) for name, life in lives.items()},
            {case: lanes.submit(partial(live, life=lives[case.life], at=case)) for case in cases},
        )
