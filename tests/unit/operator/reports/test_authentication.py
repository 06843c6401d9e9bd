"""The URL says which attempt a request is of, and its token proves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports import authentication as module
from djangotasks_operator.reports.authentication import AttemptRef, Authentication

KEY, OTHER = b"k" * 32, b"o" * 32
GOOD = sign(KEY, "shop", "u1", 2)
NOTHING: Mapping[str, str] = {}


def authentication(keys: Sequence[bytes] = (KEY,), cached: Mapping[str, str] = NOTHING) -> Authentication:
    """`cached`: the uids of tasks by name."""
    return Authentication(keys, lambda task: cached.get(task.name))


def named(authentication: Authentication, task: str, attempt: str = "2") -> bool:
    """Whether a right token, with this name beside it, gives an attempt."""
    token = sign(KEY, "shop", "u1", int(attempt))
    return authentication.attempt_of(request(f"Bearer {token}", task=task, attempt=attempt)) is not None


class MatchInfo(dict[str, str]):
    """As the router makes it."""

    def __getattr__(self, name: str) -> Any:
        return None


def request(header: str | None, **info: str) -> web.Request:
    found = MatchInfo({"namespace": "shop", "task": "t1", "uid": "u1", "attempt": "2"} | info)
    headers = {} if header is None else {"Authorization": header}
    return make_mocked_request("POST", "/", headers=headers, match_info=cast(Any, found))


@pytest.mark.parametrize("keys", [[KEY], [OTHER, KEY]])
def test_the_right_token_gives_the_attempt(keys: list[bytes]) -> None:
    assert authentication(keys).attempt_of(request(f"Bearer {GOOD}")) == AttemptRef(Key("shop", "t1"), "u1", 2)


@pytest.mark.parametrize(
    ("header", "info"),
    [
        (None, {}),
        ("", {}),
        (GOOD, {}),
        (f"bearer {GOOD}", {}),
        (f"Basic {GOOD}", {}),
        ("Bearer ", {}),
        (f"Bearer {GOOD}x", {}),
        (f"Bearer {sign(OTHER, 'shop', 'u1', 2)}", {}),
        (f"Bearer {GOOD}", {"attempt": "3"}),
        (f"Bearer {GOOD}", {"uid": "u2"}),
        (f"Bearer {GOOD}", {"namespace": "bank"}),
    ],
)
def test_any_other_gives_none(header: str | None, info: dict[str, str]) -> None:
    assert authentication().attempt_of(request(header, **info)) is None


def test_the_name_in_the_url_must_be_the_tasks() -> None:
    """The token does not sign it."""
    known = authentication(cached={"t1": "u1"})
    names = ["t1", "invented-1", "invented-2", "t1"]
    assert [named(known, name) for name in names] == [True, False, False, True]


def test_an_invented_name_that_comes_first_is_the_only_one() -> None:
    """Until the watch, which is late, brings the task."""
    cached: dict[str, str] = {}
    late = authentication(cached=cached)
    names = ["invented-1", "invented-2", "t1", "invented-1"]
    assert [named(late, name) for name in names] == [True, False, False, True]
    cached["t1"] = "u1"
    assert [named(late, name) for name in ("t1", "invented-1", "t1")] == [True, False, True]


def test_a_task_that_was_deleted_keeps_its_name() -> None:
    cached = {"t1": "u1"}
    found = authentication(cached=cached)
    assert named(found, "t1")
    cached["t1"] = "of the one that has its name now"
    assert [named(found, name) for name in ("invented", "t1")] == [False, True]


def test_other_attempts_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where more attempts report than are remembered."""
    monkeypatch.setattr(module, "REMEMBERED_MAX", 2)
    unknown = authentication()
    for number in ("1", "2", "3"):
        assert named(unknown, f"t{number}", attempt=number)
    assert [named(unknown, "invented", attempt=number) for number in ("3", "2", "1")] == [False, False, True]


def test_limits_go_by_what_is_signed() -> None:
    attempts = {AttemptRef(Key("shop", name), "u1", 2).signed for name in ("t1", "invented")}
    assert attempts == {("shop", "u1", 2)}
