"""What is kept of a hold, and until when it holds."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import Held
from djangotasks_operator.cache.holds import Hold, Holds, parse_hold
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from tests.support.builders import NAMESPACE, NOW, at

KEY = Key(NAMESPACE, "reports")


def body(version: int = 1, uid: str = "u", **spec: Any) -> dict[str, Any]:
    metadata = {
        "name": KEY.name,
        "namespace": KEY.namespace,
        "uid": uid,
        "resourceVersion": str(version),
        "creationTimestamp": "2026-11-23T12:00:00Z",
    }
    return {"metadata": metadata, "spec": {"by": "jane"} | spec}


def of(**spec: Any) -> Hold:
    return parse_hold(body(**spec))


@pytest.fixture
def changes() -> list[Key]:
    return []


@pytest.fixture
def holds(changes: list[Key]) -> Holds:
    return Holds(changes.append, WatchMonitor(), Tombstones())


def test_what_is_kept() -> None:
    hold = of(concurrency=2, reason="prices", until="2026-11-23T14:00:00+02:00")
    assert hold.key == KEY
    assert hold.held == Held(concurrency=2, by="jane", reason="prices", since=NOW, until=NOW)


@pytest.mark.parametrize(
    ("until", "held"),
    [
        (None, True),
        ("2026-11-23T12:00:01Z", True),
        ("2026-11-23T12:00:00Z", False),
        ("2026-11-23T11:59:59Z", False),
        ("1000-01-01T00:00:00+23:59", False),
        ("9999-12-31T23:59:59-23:59", True),
    ],
)
def test_until_when_it_holds(holds: Holds, until: str | None, held: bool) -> None:
    holds.put(of(until=until))
    assert (holds.of(KEY, NOW) is not None) is held


def test_texts_are_a_line_that_moves_no_cursor() -> None:
    hold = of(by="jane\x1b[2J\n", reason="a\nb\tc\u202e")
    assert (hold.held.by, hold.held.reason) == ("jane", "a b c\N{REPLACEMENT CHARACTER}")


def test_the_newest_version_stays(holds: Holds, changes: list[Key]) -> None:
    holds.put(of(version=2, concurrency=1))
    holds.put(of(version=1, concurrency=9))
    found = holds.of(KEY, NOW)
    assert found is not None
    assert found.concurrency == 1
    assert changes == [KEY]


def test_only_a_change_is_passed_on(holds: Holds, changes: list[Key]) -> None:
    holds.put(of(version=1))
    holds.put(of(version=2))
    assert changes == [KEY]
    holds.put(of(version=3, concurrency=1))
    assert changes == [KEY, KEY]


def test_a_deleted_hold_does_not_come_back_and_takes_no_other_with_it(holds: Holds, changes: list[Key]) -> None:
    old, new = of(uid="old"), of(uid="new", version=3)
    holds.put(old)
    holds.drop(old)
    holds.put(of(uid="old", version=2))
    assert holds.of(KEY, NOW) is None
    holds.put(new)
    holds.drop(old)
    assert holds.of(KEY, at(1)) is not None
    assert changes == [KEY] * 3
