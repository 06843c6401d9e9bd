"""list, run, suspend, resume and backfill, without a cluster."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.cli import schedule_verbs as verbs
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.exceptions import ApiUnavailable
from django_tasks_kubernetes.presentation.filters import UsageError
from tests.unit.backend.schedule_resources import FakeTasks, schedule_resource, session

NIGHTLY = schedule_resource()
POLL = schedule_resource("a-poll", cron=None, everyMinutes=1, timeZone=None)
LONG_AGO: Any = {"begin": "2026-10-24", "end": "2026-10-26", "limit": 10, "dry_run": False, "yes": True}


def test_list_is_sorted_by_name() -> None:
    given = session(NIGHTLY, POLL)
    assert verbs.list_schedules(given, 0) == 0
    heading, *rows = given.out.splitlines()
    assert heading.split() == ["NAME", "SCHEDULE", "ZONE", "SUSPENDED", "ACTIVE", "LAST", "NEXT", "REASON"]
    assert [row.split()[0] for row in rows] == ["a-poll", "nightly"]


def test_list_of_none() -> None:
    given = session()
    assert (verbs.list_schedules(given, 0), given.out, given.err) == (0, "", "No schedules.\n")


def test_list_has_the_next_times_in_the_zone() -> None:
    given = session(NIGHTLY, POLL, schedule_resource("off", suspended=True))
    assert verbs.list_schedules(given, 2) == 0
    _, *rows = [row.split() for row in given.out.splitlines()]
    assert [(row[0], row[2]) for row in rows] == [("a-poll", "UTC")] * 2 + [("nightly", "Europe/Berlin")] * 2
    first, second = (datetime.fromisoformat(row[1]) for row in rows[2:])
    assert (first.hour, first.utcoffset() in (timedelta(hours=1), timedelta(hours=2))) == (2, True)
    assert timedelta(hours=22) < second - first < timedelta(hours=26)


@pytest.mark.parametrize(
    ("spec", "message"),
    [({"cron": ["0 25 * * *"]}, "'25' is not an hour"), ({"timeZone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'")],
)
def test_list_goes_on_after_one_that_is_wrong(spec: Any, message: str) -> None:
    given = session(schedule_resource("a-wrong", **spec), NIGHTLY)
    assert verbs.list_schedules(given, 1) == 1
    assert "nightly" in given.out
    assert message in given.err


@pytest.mark.parametrize("end", ["startAt", "endAt"])
def test_list_goes_on_after_one_at_the_end_of_dates(end: str) -> None:
    given = session(schedule_resource("a", **{end: "9999-12-31T23:59:59Z"}), schedule_resource())
    assert verbs.list_schedules(given, 2) == 0
    assert given.out.count("nightly") == 2


@pytest.mark.parametrize(
    ("format_", "lines"),
    [
        (OutputFormat.NAME, ["djangotaskschedule.djangotasks.dev/nightly"]),
        (OutputFormat.JSON, None),
    ],
)
def test_list_for_programs(format_: OutputFormat, lines: list[str] | None) -> None:
    given = session(NIGHTLY, format_=format_)
    verbs.list_schedules(given, 3)
    if lines is None:
        (found,) = map(json.loads, given.out.splitlines())
        assert (found["name"], len(found["next"])) == ("nightly", 3)
    else:
        assert given.out.splitlines() == lines


def test_run_creates_a_task_of_now() -> None:
    given = session(schedule_resource(startingDeadlineSeconds=60))
    before = datetime.now(UTC)
    assert verbs.run(given, ["nightly", "djangotaskschedule.djangotasks.dev/nightly", "nope"]) == 1
    assert len(given.tasks.created) == 2
    task = given.tasks.created[0]
    name, spec = task["metadata"]["name"], task["spec"]
    assert given.out.splitlines()[0] == f"nightly: enqueued as {name}"
    assert given.err == "There is no schedule 'nope' in namespace shop.\n"
    assert (spec["task"], spec["schedule"]) == ("shop.tasks.nightly", "nightly")
    assert before <= datetime.fromisoformat(spec["scheduledFor"]) <= datetime.now(UTC)
    assert "expiresAt" not in spec


@pytest.mark.parametrize(
    ("suspended", "now", "line"),
    [
        (False, True, "nightly: suspended"),
        (True, True, "nightly: suspended already"),
        (True, False, "nightly: resumed"),
        (False, False, "nightly: resumed already"),
    ],
)
def test_suspend_and_resume(suspended: bool, now: bool, line: str) -> None:
    given = session(schedule_resource(suspended=suspended))
    assert verbs.suspend(given, ["nightly"], now) == 0
    assert given.out == f"{line}\n"
    assert given.schedules.done == [("suspend" if now else "resume", "nightly")]


def test_suspend_for_programs() -> None:
    given = session(NIGHTLY, format_=OutputFormat.JSON)
    verbs.suspend(given, ["nightly"], True)
    assert json.loads(given.out)["suspended"] is True
    named = session(NIGHTLY, format_=OutputFormat.NAME)
    verbs.suspend(named, ["nightly"], True)
    assert named.out == "djangotaskschedule.djangotasks.dev/nightly\n"


def test_backfill_creates_what_is_not_there() -> None:
    # In the night of the 25th, the clocks are put back.
    given = session(NIGHTLY, tasks=FakeTasks("nightly-202610250000"))
    assert verbs.backfill(given, "nightly", **LONG_AGO) == 0
    assert given.out.splitlines() == [
        "nightly-202610240000: created",
        "nightly-202610250000: exists",
        "nightly-202610260100: created",
    ]
    assert [task["spec"]["scheduledFor"] for task in given.tasks.created] == [
        "2026-10-24T00:00:00Z",
        "2026-10-26T01:00:00Z",
    ]


def test_backfill_takes_the_whole_of_the_last_day() -> None:
    given = session(NIGHTLY)
    times = {"begin": "2026-10-24", "end": "2026-10-25"}
    assert verbs.backfill(given, "nightly", **LONG_AGO | times) == 0
    assert given.out.splitlines() == ["nightly-202610240000: created", "nightly-202610250000: created"]


def test_backfill_of_today_ends_now() -> None:
    given, today = session(POLL), f"{datetime.now(UTC):%Y-%m-%d}"
    assert verbs.backfill(given, "a-poll", **LONG_AGO | {"begin": today, "end": today, "limit": 2000}) == 0
    assert given.tasks.created[-1]["spec"]["scheduledFor"] <= f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def test_backfill_takes_both_ends() -> None:
    given = session(POLL)
    times = {"begin": "2026-10-24T00:00Z", "end": "2026-10-24T00:02:30Z"}
    assert verbs.backfill(given, "a-poll", **LONG_AGO | times) == 0
    assert [line.partition(":")[0] for line in given.out.splitlines()] == [f"a-poll-20261024000{n}" for n in range(3)]


def test_backfill_can_only_say_what_it_would_do() -> None:
    given = session(NIGHTLY, tasks=FakeTasks("nightly-202610250000"), format_=OutputFormat.JSON)
    assert verbs.backfill(given, "nightly", **LONG_AGO | {"dry_run": True, "yes": False}) == 0
    assert [json.loads(line)["action"] for line in given.out.splitlines()] == [
        "would be created",
        "exists",
        "would be created",
    ]
    assert given.tasks.created == []


def test_backfill_goes_on_after_a_task_that_is_refused() -> None:
    given = session(schedule_resource("refused"))
    assert verbs.backfill(given, "refused", **LONG_AGO) == 1
    assert (len(given.tasks.created), given.out) == (3, "")
    assert given.err.splitlines()[0] == "refused-202610240000: no quota"


def test_backfill_of_a_time_without_times() -> None:
    given = session(NIGHTLY)
    times = {"begin": "2026-10-24T03:00", "end": "2026-10-24T04:00"}
    assert verbs.backfill(given, "nightly", **LONG_AGO | times) == 0
    assert "nightly has no time between 2026-10-24T01:00:00+00:00 and" in given.err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"begin": "yesterday"}, "--from must be a time such as 2026-11-23T02:00, not 'yesterday'"),
        ({"begin": "0001-01-01"}, "--from must be a time such as 2026-11-23T02:00, not '0001-01-01'"),
        ({"end": "9999-12-31T23:59-10:00"}, "--to must be a time such as"),
        ({"begin": "0001-01-02"}, "more than 10 times between"),
        ({"end": "2999-01-01"}, "--to is in the future"),
        ({"begin": "2026-10-28"}, "--from is after --to"),
        ({"limit": 2}, "more than 2 times between"),
        ({"yes": False}, "Nobody can confirm this here: give --yes"),
    ],
)
def test_backfill_refuses(changes: Any, message: str) -> None:
    given = session(NIGHTLY)
    with pytest.raises(UsageError, match=message):
        verbs.backfill(given, "nightly", **LONG_AGO | changes)
    assert given.tasks.created == []


def test_backfill_of_a_schedule_that_is_wrong() -> None:
    with pytest.raises(UsageError, match="nightly: there is no time zone"):
        verbs.backfill(session(schedule_resource(timeZone="Mars/Olympus")), "nightly", **LONG_AGO)


@pytest.mark.parametrize(
    "verb",
    [lambda given: verbs.run(given, ["a-poll", "nightly"]), lambda given: verbs.backfill(given, "nightly", **LONG_AGO)],
)
def test_what_each_would_meet_ends_it(monkeypatch: pytest.MonkeyPatch, verb: Any) -> None:
    """A server that does not answer takes 40 seconds for each of them."""
    given, asked = session(NIGHTLY, POLL), list[Any]()

    def away(resource: Any) -> str:
        asked.append(resource)
        raise ApiUnavailable("The API server does not answer")

    monkeypatch.setattr(given.tasks, "create", away)
    with pytest.raises(ApiUnavailable):
        verb(given)
    assert len(asked) == 1
