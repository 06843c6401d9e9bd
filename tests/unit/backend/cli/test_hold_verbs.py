"""hold, release and holds, without a cluster."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.cli.hold_verbs import Wanted, end_of, hold, list_holds, release
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.presentation.filters import UsageError
from tests.unit.backend.hold_resources import NOW, Held, hold_resource

QUEUES = {("shop", "reports")}


def test_a_queue_is_paused_until_somebody_releases_it() -> None:
    given = Held(queues=QUEUES)
    assert hold(given.session, "reports", Wanted()) == 0
    assert given.store.holds["reports"]["spec"] == {"concurrency": 0, "by": "oidc:jane", "reason": ""}
    assert given.out == "reports: held by oidc:jane since 2026-11-23T11:00:00Z (nothing starts)\n"
    assert given.err == ""


def test_who_until_when_and_why_are_kept() -> None:
    given = Held(queues=QUEUES)
    wanted = Wanted(concurrency=2, span="1h30m", by="ops", reason="prices are wrong")
    assert hold(given.session, "reports", wanted) == 0
    spec = given.store.holds["reports"]["spec"]
    assert spec == {"concurrency": 2, "by": "ops", "reason": "prices are wrong", "until": "2026-11-23T13:30:00Z"}
    assert "until 2026-11-23T13:30:00Z: prices are wrong (at most 2 at once)" in given.out


def test_who_asks_is_this_machine_where_the_server_does_not_say() -> None:
    given = Held()
    given.store.me = None
    hold(given.session, "reports", Wanted())
    assert given.store.holds["reports"]["spec"]["by"] == "a-host"


def test_a_queue_that_is_held_is_left() -> None:
    known = hold_resource(until="2026-11-23T18:00:00Z", reason="prices", by="jane")
    given = Held(known, queues=QUEUES)
    assert hold(given.session, "reports", Wanted(concurrency=1)) == 1
    assert given.store.holds["reports"] == known
    said = "held already, by jane since 2026-11-23T11:00:00Z until 2026-11-23T18:00:00Z: prices."
    assert said in given.err
    assert "--replace" in given.err
    assert "release reports" in given.err


@pytest.mark.parametrize(
    ("known", "replace"), [({}, True), ({"until": "2026-11-23T11:59:59Z"}, False), ({"until": "2026-11-23T12:00:00Z"}, False)]
)  # fmt: skip
def test_a_hold_is_replaced_where_that_is_asked_for_or_it_is_over(known: dict[str, Any], replace: bool) -> None:
    given = Held(hold_resource(**known), queues=QUEUES)
    assert hold(given.session, "reports", Wanted(concurrency=3), replace=replace) == 0
    assert given.store.holds["reports"]["spec"] == {"concurrency": 3, "by": "oidc:jane", "reason": ""}


@pytest.mark.parametrize(
    ("queues", "note"),
    [
        (QUEUES, ""),
        (None, ""),
        (set(), "There is no DjangoTaskQueue 'reports' in namespace shop: it is held from when there is one.\n"),
    ],
)
def test_a_queue_that_does_not_exist_is_said(queues: set[tuple[str, str]] | None, note: str) -> None:
    given = Held(queues=queues)
    assert hold(given.session, "reports", Wanted()) == 0
    assert given.err == note


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"span": "1h", "until": "18:00"}, "--for or --until, not both"),
        ({"span": "soon"}, "--for must be a length of time such as 30m"),
        ({"span": "0s"}, "--for must be a length of time"),
        ({"span": "999999y"}, "too long"),
        ({"until": "soon"}, "--until must be a time such as 18:00"),
        ({"until": "2026-11-23T12:00:00Z"}, "is over: it is 2026-11-23T12:00:00Z"),
        ({"until": "0001-01-01T00:00:00+14:00"}, "--until must be a time"),
        ({"concurrency": 100_001}, "--concurrency must be from 0 to 100,000"),
        ({"reason": "x" * 257}, "--reason has 257 characters; 256 are kept"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(wanted: dict[str, Any], words: str) -> None:
    given = Held()
    with pytest.raises(UsageError, match=words):
        hold(given.session, "reports", Wanted(**wanted))
    assert given.store.holds == {}


@pytest.mark.parametrize("text", ["2026-11-23T18:00:00+01:00", "2026-11-23T17:00:00Z"])
def test_a_time_with_a_zone(text: str) -> None:
    assert end_of(Wanted(until=text), NOW) == datetime.fromisoformat("2026-11-23T17:00:00+00:00")


def test_a_time_of_the_day_is_the_next_such() -> None:
    for hours in (-1, 1):
        clock = (NOW + timedelta(hours=hours)).astimezone()
        until = end_of(Wanted(until=f"{clock:%H:%M}"), NOW)
        assert until is not None
        assert f"{until.astimezone():%H:%M}" == f"{clock:%H:%M}"
        assert timedelta() < until - NOW < timedelta(hours=25)


@pytest.mark.parametrize("queue", ["", "Reports", "a b", "../x"])
def test_a_name_that_no_queue_can_have_is_refused_before_anything_is_sent(queue: str) -> None:
    given = Held(queues=QUEUES)
    given.store.me = None
    with pytest.raises(UsageError, match="cannot be the name of a DjangoTaskQueue"):
        hold(given.session, queue, Wanted())
    assert given.store.holds == {}


def test_release() -> None:
    given = Held(hold_resource(), hold_resource("mail"))
    assert release(given.session, ["mail", "gone", "reports"]) == 1
    assert given.store.holds == {}
    assert given.out.splitlines() == [
        "mail: released; it was held by jane since 2026-11-23T11:00:00Z",
        "reports: released; it was held by jane since 2026-11-23T11:00:00Z",
    ]
    assert given.err == "The queue 'gone' in namespace shop is not held.\n"


HOLDS = (
    hold_resource(until="2026-11-23T14:00:00Z", reason="prices", concurrency=2),
    hold_resource("mail", until="2026-11-23T11:00:00Z"),
    hold_resource("video"),
)


def test_the_list_says_what_holds() -> None:
    given = Held(*HOLDS, queues=QUEUES)
    assert list_holds(given.session) == 0
    rows = [line.split() for line in given.out.splitlines()]
    assert rows[0] == ["QUEUE", "STATE", "CONCURRENCY", "UNTIL", "LEFT", "AGE", "BY", "REASON"]
    assert [row[:2] for row in rows[1:]] == [["mail", "over"], ["reports", "held"], ["video", "no"]]
    assert rows[2] == ["reports", "held", "2", "2026-11-23T14:00:00Z", "120m", "60m", "jane", "prices"]


def test_where_queues_may_not_be_known_nothing_is_said_of_them() -> None:
    given = Held(*HOLDS, written=OutputFormat.JSON)
    assert list_holds(given.session) == 0
    states = {found["queue"]: found["state"] for found in map(json.loads, given.out.splitlines())}
    assert states == {"mail": "over", "reports": "held", "video": "held"}


def test_the_list_of_none() -> None:
    given = Held()
    assert (list_holds(given.session), given.out, given.err) == (0, "", "No queue is held.\n")


def test_names() -> None:
    given = Held(*HOLDS, written=OutputFormat.NAME)
    list_holds(given.session)
    assert given.out.splitlines()[0] == "djangotaskhold.djangotasks.dev/mail"


def test_a_text_that_moves_a_cursor_is_shown_as_it_is_written() -> None:
    given = Held(hold_resource(reason="a\x1b[2Jb\n"), queues=QUEUES)
    list_holds(given.session)
    assert "a\\x1b[2Jb\\n" in given.out
