"""The list of schedules, and the page of one."""

import re
from copy import deepcopy
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from django_tasks_kubernetes.admin import TaskAdmin
from django_tasks_kubernetes.schedules import declare, discover, registry, schedule
from django_tasks_kubernetes.schedules.discover import Discovery
from django_tasks_kubernetes.schedules.registry import Registry
from django_tasks_kubernetes.testing import InMemoryCluster
from djangotasks_api.task_ids import new_id
from tests.unit.backend import tasks
from tests.unit.backend.admin.conftest import LogIn, made_task, tables_of
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.web_server import Request, Server

LIST = "/admin/django_tasks_kubernetes/schedule/"
HOSTILE = "<script>alert(1)</script>"
ALL = ("view_schedule", "change_schedule", "run_schedule")
FORBIDDEN = {
    "kind": "Status", "reason": "Forbidden", "code": 403,
    "message": 'djangotaskschedules.djangotasks.dev is forbidden: User "system:serviceaccount:shop:web" cannot list resource',
}  # fmt: skip


@pytest.fixture(autouse=True)
def of_the_code(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry()
    monkeypatch.setattr(declare, "declared", found)
    monkeypatch.setattr(registry, "declared", found)
    monkeypatch.setattr(discover, "discover", Discovery)
    return found


class ApiServer:
    """With schedules, and tasks that they made."""

    def __init__(self, server: Server, *schedules: dict[str, Any]) -> None:
        self.schedules = {one["metadata"]["name"]: deepcopy(one) for one in schedules}
        self.tasks: list[dict[str, Any]] = []
        self.created: list[dict[str, Any]] = []
        self.is_allowed = True
        self._server = server
        server.answer = self.answer

    @property
    def asked(self) -> list[tuple[str, str]]:
        return [(one.method, one.path.partition("?")[0].rpartition("/shop/")[2]) for one in self._server.requests]

    def answer(self, request: Request) -> Any:
        path = request.path.partition("?")[0]
        if "/djangotaskschedules" not in path:
            if request.method == "POST":
                self.created.append(request.body)
                return 201, request.body, {}
            return tables_of(*self.tasks)(request)
        if not self.is_allowed:
            return 403, FORBIDDEN, {}
        name = path.rpartition("/djangotaskschedules")[2].strip("/")
        if not name:
            return 200, {"metadata": {}, "items": list(self.schedules.values())}, {}
        if name not in self.schedules:
            return 404, {"kind": "Status", "code": 404, "details": {"kind": "djangotaskschedules", "name": name}}, {}
        if request.method == "PATCH":
            self.schedules[name]["spec"] |= request.body["spec"]
        return 200, self.schedules[name], {}


@pytest.fixture
def nightly(api_server: Server) -> ApiServer:
    status = {
        "active": 1,
        "lastScheduledFor": "2026-11-23T01:00:00Z",
        "conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}],
    }
    return ApiServer(
        api_server,
        schedule_resource(status=status),
        schedule_resource(
            "every", cron=None, timeZone=None, everyMinutes=15, task={"task": "shop.tasks.poll", "queue": "default"}
        ),
    )


def names(client: Client, query: str = "") -> list[str]:
    response = client.get(LIST + query)
    assert response.status_code == 200
    return [one.record["name"] for one in response.context["schedules"]]


def test_the_list_says_when_what_and_how_it_went(nightly: ApiServer, log_in: LogIn) -> None:
    for minute, phase in enumerate(("Succeeded", "Failed", "Running")):
        nightly.tasks.append(
            made_task(
                minute,
                f"nightly-20261123010{minute}",
                spec={"schedule": "nightly"},
                labels={"djangotasks.dev/schedule": "nightly"},
                phase=phase,
            )
        )
    client = log_in(*ALL)
    response = client.get(LIST)
    every, night = response.context["schedules"]
    assert (every.timing, len(every.times), every.ends) == ("every 15 min", 3, [])
    assert (night.timing, night.words) == ("0 2 * * *", "02:00, every day")
    assert all(time.own.endswith("02:00") and time.is_same for time in night.times)
    assert [end.phase for end, _ in night.ends] == ["Succeeded", "Failed", "Running"]
    assert night.ends[0][1] == "/admin/django_tasks_kubernetes/task/nightly-202611230100/change/"
    text = " ".join(re.sub(r"<[^>]*>", " ", response.text).split())
    for words in ("shop.tasks.nightly", "Europe/Berlin", "1 is unfinished", "Run now…", "Suspend…"):
        assert words in text
    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=", response.text)


def test_many_schedules_are_on_several_pages(nightly: ApiServer, log_in: LogIn) -> None:
    nightly.schedules = {(name := f"s-{number:03}"): schedule_resource(name) for number in range(250)}
    client = log_in(*ALL)
    assert [len(names(client, query)) for query in ("", "?p=2", "?p=3", "?p=nothing", "?q=s-24")] == [
        100,
        100,
        50,
        100,
        10,
    ]
    assert names(client, "?p=3")[-1] == "s-249"
    assert '<a href="?q=s-1&amp;p=2">2</a>' not in client.get(f"{LIST}?q=s-1").text
    assert '<a href="?q=s-&amp;p=2">2</a>' in client.get(f"{LIST}?q=s-").text


def test_times_are_in_both_zones(nightly: ApiServer, log_in: LogIn, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    response = log_in("view_schedule").get(LIST)
    (night,) = [one for one in response.context["schedules"] if one.record["name"] == "nightly"]
    assert all(time.own.endswith("02:00") and not time.is_same for time in night.times)
    assert re.search(r"1[01]?0?:00 here|(09|10):00 here", response.text)


def test_it_takes_two_requests_and_few_queries(
    nightly: ApiServer, log_in: LogIn, django_assert_num_queries: Any
) -> None:
    client = log_in(*ALL)
    with django_assert_num_queries(3):
        client.get(LIST)
    assert nightly.asked == [("GET", "djangotaskschedules"), ("GET", "djangotasks")]
    # The page of one shows what the list has read.
    client.get(f"{LIST}nightly/change/")
    assert len(nightly.asked) == 2


def test_search(nightly: ApiServer, log_in: LogIn) -> None:
    client = log_in("view_schedule")
    assert [names(client, query) for query in ("", "?q=NIGHT", "?q=poll", "?q=mail", "?q=none")] == [
        ["every", "nightly"], ["nightly"], ["every"], ["nightly"], [],
    ]  # fmt: skip
    assert "No schedule matches" in client.get(f"{LIST}?q=none").text


def test_nothing_yet(api_server: Server, log_in: LogIn) -> None:
    ApiServer(api_server)
    assert "No schedules yet" in log_in("view_schedule").get(LIST).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"suspended": True}, "suspended"),
        ({"cron": ["61 * * * *"]}, "61 * * * *"),
        ({"timeZone": "Mars/Base"}, "there is no time zone"),
        ({"cron": ["0 0 1 1 *"], "endAt": "2020-01-01T00:00:00Z"}, "never again"),
        ({"cron": ["@daily", "*/5 * * * *"]}, "every 5 minutes"),
    ],
)
def test_what_is_not_due_is_explained(api_server: Server, log_in: LogIn, fields: dict[str, Any], words: str) -> None:
    ApiServer(api_server, schedule_resource(**fields))
    client = log_in("view_schedule")
    assert words in client.get(LIST).text
    assert words in client.get(f"{LIST}nightly/change/").text


def test_a_schedule_has_a_page(nightly: ApiServer, log_in: LogIn) -> None:
    client = log_in(*ALL)
    response = client.get(f"{LIST}nightly/change/")
    assert len(response.context["one"].times) == 10
    for words in ("Forbid", "Latest", "/task/?schedule=nightly", "/nightly/run/", "/nightly/suspend/"):
        assert words in response.text
    assert client.get(f"{LIST}gone/change/").status_code == 404
    assert client.get(f"{LIST}nightly/change/?part=schedule").status_code == 200


@pytest.mark.parametrize("verb", ["run", "suspend", "resume"])
@pytest.mark.parametrize("name", ["gone", "a_2Fb", "a_3Fx_3D1"])
def test_an_unknown_name_is_not_found(nightly: ApiServer, log_in: LogIn, verb: str, name: str) -> None:
    client = log_in(*ALL)
    assert client.get(f"{LIST}{name}/{verb}/").status_code == 404
    assert client.post(f"{LIST}{name}/{verb}/", {"new_id": new_id()}).status_code == 404
    assert nightly.created == []


def test_a_schedule_is_run_now(nightly: ApiServer, log_in: LogIn) -> None:
    client = log_in("view_schedule", "run_schedule")
    page = client.get(f"{LIST}nightly/run/")
    assert "enqueues shop.tasks.nightly once" in page.text
    id_ = page.context["new_id"]
    response = client.post(f"{LIST}nightly/run/", {"new_id": id_})
    assert response.headers["Location"] == f"/admin/django_tasks_kubernetes/task/{id_}/change/"
    (made,) = nightly.created
    assert (made["kind"], made["metadata"]["name"], made["spec"]["schedule"]) == ("DjangoTask", id_, "nightly")
    assert made["metadata"]["labels"]["djangotasks.dev/schedule"] == "nightly"
    assert made["metadata"]["annotations"] == {"djangotasks.dev/request": id_, "djangotasks.dev/requested-by": "jane-0"}
    (entry,) = LogEntry.objects.all()
    assert (entry.object_id, entry.get_change_message()) == ("nightly", f"Run now, as {id_}")


def test_without_the_right_the_schedules_of_the_code_are_shown(
    nightly: ApiServer, log_in: LogIn, admin_client: Client
) -> None:
    nightly.is_allowed = False
    schedule("0 3 * * *", name="of-code", timezone="UTC")(tasks.echo)
    client = log_in(*ALL)
    response = client.get(LIST)
    assert names(client) == ["of-code"]
    assert "admin.schedules=true" in response.text
    assert "system:serviceaccount" not in response.text
    assert "system:serviceaccount" in admin_client.get(LIST).text
    assert "Suspend…" not in response.text
    # To run it needs no right but to create tasks.
    client.post(f"{LIST}of-code/run/", {"new_id": new_id()})
    assert [made["spec"]["task"] for made in nightly.created] == ["tests.unit.backend.tasks.echo"]
    refused = client.post(f"{LIST}of-code/suspend/", follow=True)
    assert "A right is missing" in refused.text
    assert LogEntry.objects.count() == 1


def test_without_a_cluster_the_schedules_of_the_code_are_shown(cluster: InMemoryCluster, log_in: LogIn) -> None:
    schedule("0 3 * * *", name="of-code", timezone="UTC")(tasks.echo)
    client = log_in(*ALL)
    assert names(client) == ["of-code"]
    client.post(f"{LIST}of-code/run/", {"new_id": new_id()})
    assert [one["spec"]["schedule"] for one in cluster.resources.values()] == ["of-code"]
    assert "only code cannot be suspended" in client.post(f"{LIST}of-code/suspend/", follow=True).text


def test_a_schedule_is_suspended_and_resumed(nightly: ApiServer, log_in: LogIn) -> None:
    client = log_in("view_schedule", "change_schedule")
    assert "Suspend nightly?" in client.get(f"{LIST}nightly/suspend/").text
    assert "It is suspended." in client.post(f"{LIST}nightly/suspend/", follow=True).text
    assert nightly.schedules["nightly"]["spec"]["suspended"] is True
    assert "It was so already." in client.post(f"{LIST}nightly/suspend/", follow=True).text
    page = client.get(LIST).text
    assert "/nightly/resume/" in page
    assert "/nightly/suspend/" not in page
    assert "It is resumed." in client.post(f"{LIST}nightly/resume/", follow=True).text
    assert nightly.schedules["nightly"]["spec"]["suspended"] is False


def test_only_queues_that_a_person_may_see(nightly: ApiServer, log_in: LogIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"default"})
    client = log_in(*ALL)
    assert names(client) == ["every"]
    assert client.get(f"{LIST}nightly/change/").status_code == 404
    for verb in ("run", "suspend", "resume"):
        assert client.post(f"{LIST}nightly/{verb}/", {"new_id": new_id()}).status_code == 404
    assert nightly.created == []


def test_a_cluster_that_does_not_answer(api_server: Server, log_in: LogIn) -> None:
    api_server.answer = lambda request: None
    client = log_in(*ALL)
    for page in ("", "nightly/change/", "nightly/run/"):
        response = client.get(LIST + page)
        assert response.status_code == 200
        assert "The cluster does not answer" in response.text
    response = client.post(f"{LIST}nightly/run/", {"new_id": new_id()}, follow=True)
    assert "The cluster does not answer" in response.text
    assert not LogEntry.objects.exists()


def test_hostile_names_are_escaped(api_server: Server, log_in: LogIn) -> None:
    made = schedule_resource(
        cron=[HOSTILE], timeZone=HOSTILE, task={"task": f"{HOSTILE}\u202e", "queue": HOSTILE}, concurrencyPolicy=HOSTILE,
        status={"conditions": [{"type": "Ready", "status": "False", "reason": HOSTILE, "message": f"{HOSTILE}\u202e"}], "skipped": {"count": 2, "reason": HOSTILE}},
    )  # fmt: skip
    ApiServer(api_server, made)
    client = log_in(*ALL)
    for page in ("", "nightly/change/", "nightly/run/"):
        text = client.get(LIST + page).text
        assert "alert(1)" in text
        assert HOSTILE not in text
        assert "\u202e" not in text
