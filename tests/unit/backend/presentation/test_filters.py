"""Which tasks a filter means."""

from typing import Any

import pytest

from django_tasks_kubernetes.presentation.filters import Filter, UsageError
from django_tasks_kubernetes.presentation.rows import row
from tests.unit.backend.resources import resource

ALL = ["Queued", "Starting", "Running", "Retrying", "Succeeded", "Failed", "Cancelled"]


@pytest.mark.parametrize(
    ("given", "selector"),
    [
        ({}, ""),
        ({"queue": "mail"}, "spec.queue=mail"),
        ({"task": "shop.tasks.send"}, "spec.task=shop.tasks.send"),
        ({"task": "send"}, ""),
        ({"statuses": ("running",)}, "status.phase=Running"),
        ({"statuses": ("RUNNING", "Succeeded")},
         "status.phase!=Queued,status.phase!=Starting,status.phase!=Retrying,status.phase!=Failed,status.phase!=Cancelled"),
        ({"statuses": ("cancelled",), "queue": "mail"}, "spec.queue=mail,status.phase=Cancelled"),
    ],
)  # fmt: skip
def test_filter_selector_matches_what_may_match(given: dict[str, Any], selector: str) -> None:
    assert Filter(**given).selector == selector


@pytest.mark.parametrize(
    ("statuses", "phases"),
    [
        ((), ALL),
        (("ready",), ["Queued", "Starting", "Retrying"]),
        # Both Django's word and a phase: Django's means more.
        (("failed",), ["Failed", "Cancelled"]),
        (("cancelled",), ["Cancelled"]),
        (("successful", "queued"), ["Queued", "Succeeded"]),
    ],
)
def test_filter_status_is_djangos_or_a_phase(statuses: tuple[str, ...], phases: list[str]) -> None:
    which = Filter(statuses=statuses)
    assert [phase for phase in ALL if which.matches(row(resource(phase=phase)))] == phases
    assert which.phases == set(phases)


@pytest.mark.parametrize(
    ("task", "matches"),
    [("shop.tasks.send", True), ("send", True), ("end", False), ("tasks.send", False), ("shop.tasks", False)],
)
def test_filter_task_is_a_path_or_its_last_part(task: str, matches: bool) -> None:
    assert Filter(task=task).matches(row(resource())) is matches


@pytest.mark.parametrize(
    "given",
    [{"statuses": ("bogus",)}, {"limit": -1}, {"queue": "a,b"}, {"queue": ""}, {"task": "a=b"}, {"task": "a b"}],
    ids=str,
)
def test_filter_refuses_wrong_values(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Filter(**given)


@pytest.mark.parametrize(("limit", "names"), [(2, ["c", "a"]), (0, ["c", "a", "b"]), (9, ["c", "a", "b"])])
def test_filter_newest_come_first(limit: int, names: list[str]) -> None:
    times = {"a": "2026-11-23T12:00:01Z", "b": "2026-11-23T12:00:00.5Z", "c": "2026-11-23T13:00:02+00:00"}
    resources = [resource(name, spec={"enqueuedAt": time}) for name, time in times.items()]
    found, number = Filter(limit=limit, queue="mail").newest([*resources, resource("other", spec={"queue": "other"})])
    assert ([one["metadata"]["name"] for one in found], number) == (names, 3)
