"""sync, diff and yaml, without a cluster."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from django_tasks_kubernetes.cli import schedule_sync as verbs
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.schedule_session import Project
from django_tasks_kubernetes.exceptions import PermissionDenied
from tests.unit.backend.schedule_resources import RecordedSchedules, project, schedule_resource, session

HOW: Any = {"prune": False, "take_over": False, "dry_run": False}


def rows(given: RecordedSchedules) -> list[list[str]]:
    return [line.split(maxsplit=2) for line in given.out.splitlines()[1:]]


def test_sync_applies_what_the_project_declares() -> None:
    given = session(schedule_resource("b", cron=["@daily"]), schedule_resource("c", catchUp="Latest"))
    code = verbs.sync(given, project(*map(schedule_resource, "abc")), **HOW)
    assert (code, rows(given)) == (0, [["a", "created"], ["b", "changed", "cron, catchUp"], ["c", "unchanged"]])
    assert given.schedules.done == [("apply", name) for name in "abc"]


def test_what_a_sync_has_applied_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """5,000 requests in each deploy took longer than its Job may."""
    given = session(*map(schedule_resource, "abc"))
    monkeypatch.setattr(verbs, "is_applied", lambda _, found: found is not None and found["metadata"]["name"] != "b")
    assert verbs.sync(given, project(*map(schedule_resource, "abcd")), **HOW) == 0
    assert [row[:2] for row in rows(given)] == [
        ["a", "unchanged"],
        ["b", "changed"],
        ["c", "unchanged"],
        ["d", "created"],
    ]
    assert given.schedules.done == [("apply", "b"), ("apply", "d")]


def test_what_each_schedule_would_meet_ends_a_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not answer took 40 seconds for each of them; a right that is missing was said for each."""
    given = session(schedule_resource("old"))
    apply = given.schedules.apply

    def refused(resource: Any, *, without: Any, dry_run: bool) -> Any:
        if resource["metadata"]["name"] == "b":
            raise PermissionDenied("cannot patch")
        return apply(resource, without=without, dry_run=dry_run)

    monkeypatch.setattr(given.schedules, "apply", refused)
    with pytest.raises(PermissionDenied):
        verbs.sync(given, project(*map(schedule_resource, "abcd")), **HOW | {"prune": True})
    assert rows(given) == [["a", "created"]]
    assert given.schedules.done == [("apply", "a")]
    assert given.err == "It ends at b, with 3 of 4 schedules to go.\n"


def test_sync_prunes_last_and_its_own_alone() -> None:
    there = [
        schedule_resource("old"),
        schedule_resource("theirs", project="other"),
        schedule_resource("made", project=None),
    ]
    given = session(*there)
    assert verbs.sync(given, project(schedule_resource("a")), **HOW | {"prune": True}) == 0
    assert given.schedules.done == [("apply", "a"), ("delete", "old")]
    assert rows(given) == [["a", "created"], ["old", "deleted"]]


def test_sync_says_what_it_has_done_where_one_cannot_be_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    given = session(schedule_resource("first"), schedule_resource("second"))
    delete = given.schedules.delete

    def refused(resource: Any, *, dry_run: bool) -> None:
        if resource["metadata"]["name"] == "first":
            raise PermissionDenied("cannot delete")
        delete(resource, dry_run=dry_run)

    monkeypatch.setattr(given.schedules, "delete", refused)
    assert verbs.sync(given, project(schedule_resource("a")), **HOW | {"prune": True}) == 1
    assert rows(given) == [["a", "created"], ["first", "refused"], ["second", "deleted"]]
    assert given.err == "first: cannot delete\n"


@pytest.mark.parametrize(
    ("aliases", "deleted"),
    [(None, ["gone", "moved", "others"]), ({"default"}, ["gone"]), ({"other"}, ["others"])],
)
def test_prune_is_about_the_named_backend(aliases: set[str] | None, deleted: list[str]) -> None:
    there = [
        schedule_resource("gone", task={"task": "a.b", "backend": "default"}),
        schedule_resource("moved", task={"task": "a.b", "backend": "default"}),
        schedule_resource("others", task=None, workflow={"backend": "other"}),
    ]
    only = None if aliases is None else frozenset(aliases)
    declared = replace(project(), elsewhere=frozenset({"moved"}), aliases=only)
    given = session(*there)
    verbs.sync(given, declared, **HOW | {"prune": True})
    assert given.schedules.done == [("delete", name) for name in deleted]
    shown = session(*there)
    verbs.diff(shown, declared, prune=True)
    assert shown.out.splitlines() == [f"{name}: would be deleted" for name in deleted]


def test_what_is_refused_keeps_all_from_being_deleted() -> None:
    """It may be the new name of what would be deleted."""
    declared = project(*map(schedule_resource, ("refused", "z")))
    for verb in (lambda given: verbs.sync(given, declared, **HOW | {"prune": True}), diff_of(declared)):
        given = session(schedule_resource("old"), schedule_resource("older"))
        assert verb(given) == 1
        assert "deleted" not in given.out
        assert list(given.schedules.resources)[:2] == ["old", "older"]
        assert given.err.splitlines() == [
            "refused: spec.cron is wrong",
            "Nothing is deleted, since one was refused: old, older.",
        ]


def diff_of(declared: Project) -> Callable[[RecordedSchedules], int]:
    return lambda given: verbs.diff(given, declared, prune=True)


def test_one_that_cannot_be_deleted_keeps_no_other_from_it() -> None:
    given = session(*map(schedule_resource, ("held", "old")))
    assert verbs.sync(given, project(schedule_resource("a")), **HOW | {"prune": True}) == 1
    assert rows(given) == [["a", "created"], ["held", "refused"], ["old", "deleted"]]
    assert given.err == "held: denied by a policy\n"


def test_what_is_declared_no_longer_is_named_without_prune() -> None:
    """sidekiq-cron#192, #267, #504, solid_queue#382: removed from the file, and it still runs."""
    there = [schedule_resource("old"), schedule_resource("theirs", project="other")]
    given = session(*there, schedule_resource("a", catchUp="Latest"))
    assert verbs.sync(given, project(schedule_resource("a")), **HOW) == 0
    assert given.err == "--prune deletes what the code does not declare: old.\n"
    assert verbs.diff(given, project(schedule_resource("a")), prune=False) == 0


def test_sync_that_only_tries() -> None:
    given = session(schedule_resource("old"))
    assert verbs.sync(given, project(schedule_resource("a")), **HOW | {"prune": True, "dry_run": True}) == 0
    assert (given.schedules.done, rows(given)) == ([], [["a", "created"], ["old", "deleted"]])
    assert given.err == "Nothing was done (--dry-run).\n"


def test_sync_refuses_what_is_not_the_projects_and_goes_on() -> None:
    there = [schedule_resource("a", project="other"), schedule_resource("b", project=None)]
    given = session(*there)
    declared = project(*map(schedule_resource, ("a", "b", "refused", "z")))
    assert verbs.sync(given, declared, **HOW) == 1
    assert [row[1] for row in rows(given)] == ["refused", "refused", "refused", "created"]
    assert given.schedules.done == [("apply", "z")]
    first, second, third = given.err.splitlines()
    assert "is declared by 'other'" in first
    assert "was not made by `schedules sync`" in second
    assert third == "refused: spec.cron is wrong"
    taken = session(*there)
    assert verbs.sync(taken, project(*map(schedule_resource, "ab")), **HOW | {"take_over": True}) == 0


def test_sync_of_no_schedules() -> None:
    given = session()
    assert (verbs.sync(given, project(), **HOW), given.out) == (0, "")
    assert given.err == "The project declares no schedules.\n"


def test_sync_for_programs() -> None:
    given = session(schedule_resource("b", cron=["@daily"]), format_=OutputFormat.JSON)
    verbs.sync(given, project(schedule_resource("b")), **HOW)
    (found,) = map(json.loads, given.out.splitlines())
    changes = {"cron": [["@daily"], ["0 2 * * *"]], "catchUp": [None, "Latest"]}
    assert found == {"name": "b", "action": "changed", "changes": changes, "dry_run": False}


def test_diff_shows_the_fields_before_and_after() -> None:
    given = session(schedule_resource("b", cron=["@daily"], suspended=True), schedule_resource("old"))
    declared = project(
        schedule_resource("b", catchUp="All"), schedule_resource("n", timeZone=None, task={"task": "a.b"})
    )
    assert verbs.diff(given, declared, prune=True) == 1
    assert given.out.splitlines() == [
        "b: would be changed",
        '  - cron: ["@daily"]',
        '  + cron: ["0 2 * * *"]',
        "  + catchUp: All",
        "n: would be created",
        '  + cron: ["0 2 * * *"]',
        '  + task: {"task": "a.b"}',
        "old: would be deleted",
    ]
    assert given.schedules.done == []


def test_diff_says_what_sync_would_refuse() -> None:
    given = session(schedule_resource("a", project="other"))
    assert verbs.diff(given, project(schedule_resource("a")), prune=True) == 1
    assert given.out == "a: would be refused\n"
    assert "is declared by 'other'" in given.err


def test_diff_without_differences() -> None:
    given = session(schedule_resource("a", catchUp="Latest"))
    assert verbs.diff(given, project(schedule_resource("a")), prune=True) == 0
    assert (given.out, given.err) == ("", "No differences.\n")


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b")])
def test_yaml_is_what_kubectl_takes(names: tuple[str, ...]) -> None:
    given = session()
    resources = [schedule_resource(name, cron=["@daily", "*/5 * * * *"]) for name in names]
    assert verbs.write_yaml(given, project(*resources)) == 0
    assert [one for one in yaml.safe_load_all(given.out) if one] == resources
