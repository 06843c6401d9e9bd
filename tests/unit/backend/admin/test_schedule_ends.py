"""What came of the last times of schedules, some of which are due more often than others."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from django_tasks_kubernetes.admin.schedule_ends import Ends, read_ends, read_ends_of
from django_tasks_kubernetes.presentation.tables import Page, page_of
from djangotasks_api.definitions import workflow_definition
from djangotasks_api.names import SCHEDULE_LABEL
from djangotasks_api.task_ids import new_id
from tests.unit.backend.admin.conftest import LogIn, made_task
from tests.unit.backend.admin.test_schedules import ALL, LIST, ApiServer
from tests.unit.backend.admin.whole_cluster import SCHEDULES, TASKS, WholeCluster
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.tables import FakeTables
from tests.unit.backend.web_server import Server
from tests.unit.backend.workflow_resources import workflow_resource


class FakePlace:
    """As the API server lists tasks and workflows."""

    def __init__(self, *tasks: dict[str, Any], workflows: list[dict[str, Any]] | None = None) -> None:
        self.tasks = FakeTables(*tasks)
        self.workflows = FakeTables(*(workflows or ()), known=workflow_definition().columns)
        self.client = SimpleNamespace(workflows=lambda: self.workflows)

    def page(self, **asked: Any) -> Page:
        found = page_of(self.tasks.table_page(**asked), "shop", datetime.now(UTC))
        assert found is not None
        return found


def run(schedule: str, minute: int, name: str = "") -> dict[str, Any]:
    labels, spec = {SCHEDULE_LABEL: schedule}, {"schedule": schedule}
    return made_task(minute, name or f"{schedule}-2026112912{minute:02}", labels=labels, spec=spec)


def flow(schedule: str, minute: int) -> dict[str, Any]:
    made = workflow_resource(f"{schedule}-2026112912{minute:02}", schedule=schedule)
    made["metadata"]["labels"] = {SCHEDULE_LABEL: schedule}
    return made


def schedules(*names: str, **spec: Any) -> list[dict[str, Any]]:
    return [schedule_resource(name, **spec) for name in names]


def minutes(ends: Ends) -> dict[str, list[int]]:
    return {name: [int(end.id[-2:]) for end in found] for name, found in ends.of.items()}


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.schedule_ends.ROWS_MAX", 4)
    monkeypatch.setattr("django_tasks_kubernetes.admin.workflow_reading.ROWS_MAX", 4)


def test_all_that_fit_are_one_request() -> None:
    place: Any = FakePlace(run("b", 2), run("a", 1), run("b", 1))
    assert minutes(found := read_ends(place, schedules("a", "b"))) == {"a": [1], "b": [1, 2]}
    assert (len(place.tasks.asked), found.unread) == (1, frozenset())


def test_one_that_is_due_all_the_time_keeps_no_other_from_being_shown() -> None:
    place: Any = FakePlace(run("a", 1), *(run("all-day", n) for n in range(50)), run("nightly", 1), run("nightly", 2))
    found = read_ends(place, schedules("a", "all-day", "nightly"))
    assert minutes(found) == {"a": [1], "nightly": [1, 2]}
    assert found.unread == {"all-day"}
    assert len(place.tasks.asked) == 2


def test_its_own_page_has_its_last_ones() -> None:
    by_hand = new_id()
    times = [run("all-day", n) for n in range(30)]
    place: Any = FakePlace(*times, run("all-day", 59, by_hand), run("all-days", 31))
    (schedule,) = schedules("all-day")
    found = read_ends_of(place, schedule)
    assert [end.id for end in found.of["all-day"]] == [*(one["metadata"]["name"] for one in times[11:]), by_hand]
    assert found.unread == frozenset()


def test_where_there_are_even_more_none_is_taken_for_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.reading.PAGES_MAX", 2)
    place: Any = FakePlace(*(run("all-day", n) for n in range(30)))
    (schedule,) = schedules("all-day")
    assert read_ends_of(place, schedule) == Ends(of={}, unread=frozenset({"all-day"}))


def test_what_was_read_to_its_end_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.admin.reading.PAGES_MAX", 2)
    names = [f"s{number}" for number in range(9)]
    place: Any = FakePlace(*(run(name, minute) for name in names for minute in (1, 2)))
    found = read_ends(place, schedules(*names))
    # Of the last one that was read there may be more.
    assert minutes(found) == {name: [1, 2] for name in names[:3]}
    assert found.unread == set(names[3:])


@pytest.mark.parametrize("number", [3, 30])
def test_workflows_are_read_to_their_end(number: int) -> None:
    made = [flow("flows", n) for n in range(number)]
    place: Any = FakePlace(workflows=[*made, flow("nightly", 1)])
    listed = schedules("flows", "nightly", workflow={"workflow": "shop.flows.monthly", "steps": []}, task=None)
    found = read_ends(place, listed)
    assert minutes(found)["nightly"] == [1]
    assert ("flows" in found.unread) is (number == 30)
    last = read_ends_of(place, listed[0]).of["flows"]
    assert [int(end.id[-2:]) for end in last] == list(range(number))[-20:]
    assert all(end.is_workflow for end in last)


def test_a_list_leads_to_the_page_that_has_them(api_server: Server, log_in: LogIn) -> None:
    server = ApiServer(api_server, *schedules("all-day", "nightly"))
    server.tasks += [*(run("all-day", n) for n in range(30)), run("nightly", 1)]
    client = log_in(*ALL)
    response = client.get(LIST)
    assert [len(one.ends) for one in response.context["schedules"]] == [0, 1]
    assert response.text.count("There are too many here to find the last ones.") == 1
    response = client.get(f"{LIST}all-day/change/")
    assert [int(end.id[-2:]) for end, _ in response.context["one"].ends] == list(range(10, 30))
    assert "There are too many" not in response.text


def test_tasks_of_a_schedule_that_makes_workflows_now_lead_to_their_own_pages(
    api_server: Server, log_in: LogIn
) -> None:
    (schedule,) = schedules("flow", workflow={"workflow": "shop.flows.monthly", "steps": []}, task=None)
    api_server.answer = WholeCluster((SCHEDULES, schedule), (TASKS, run("flow", 1)))
    (shown,) = log_in(*ALL).get(LIST).context["schedules"]
    assert [address for _end, address in shown.ends] == [
        f"/admin/django_tasks_kubernetes/task/{run('flow', 1)['metadata']['name']}/change/"
    ]
