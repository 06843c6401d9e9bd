"""The requests that commands send for schedules."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import ApiUnavailable, ScheduleDoesNotExist, TaskRefused
from django_tasks_kubernetes.stores.schedules import ScheduleStore, connect
from tests.unit.backend.kube.test_client import kubeconfig, status
from tests.unit.backend.schedule_resources import schedule_resource
from tests.unit.backend.web_server import Answer, Request, Server

PATH = "/apis/djangotasks.dev/v1alpha1/namespaces/shop/djangotaskschedules"


@pytest.fixture
def store(server: Server, tmp_path: Path) -> ScheduleStore:
    return connect(
        Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), request_timeout=60, retries=0)
    )


def asked(request: Request) -> tuple[str, str, dict[str, list[str]]]:
    parts = urlsplit(request.path)
    return request.method, parts.path, parse_qs(parts.query)


def test_apply_is_forced_and_has_a_manager_of_its_own(store: ScheduleStore, server: Server) -> None:
    server.answer = lambda request: (201, request.body, {})
    resource = schedule_resource()
    assert store.apply(resource, without={}, dry_run=False) == resource
    assert store.apply(resource, without={}, dry_run=True) == resource
    first, second = server.requests
    query = {"fieldManager": ["djangotasks-sync"], "force": ["true"], "fieldValidation": ["Strict"]}
    assert asked(first) == ("PATCH", f"{PATH}/nightly", query)
    assert asked(second)[2] == query | {"dryRun": ["All"]}
    assert first.headers["content-type"] == "application/apply-patch+yaml"


def test_apply_takes_away_what_it_could_not(store: ScheduleStore, server: Server) -> None:
    server.answer = lambda request: (200, request.body, {})
    resource = schedule_resource(cron=None, everyMinutes=5)
    gone = {"cron": None, "task": {"policy": None}}
    for dry_run in (False, True):
        store.apply(resource, without=gone, dry_run=dry_run)
    first, second, tried = server.requests
    spec = resource["spec"] | {"cron": None, "task": resource["spec"]["task"] | {"policy": None}}
    assert first.body == {"metadata": {"labels": resource["metadata"]["labels"]}, "spec": spec}
    assert first.headers["content-type"] == "application/merge-patch+json"
    assert (second.body, second.headers["content-type"]) == (resource, "application/apply-patch+yaml")
    # What the first would do is not there for a second that is only tried.
    assert (tried.body, asked(tried)[2]["dryRun"]) == (first.body, ["All"])


def test_suspend_sets_one_field_as_another_manager(store: ScheduleStore, server: Server) -> None:
    server.answer = lambda request: (200, schedule_resource(), {})
    store.suspend("nightly", True)
    (request,) = server.requests
    assert asked(request)[2]["fieldManager"] == ["djangotasks-command"]
    assert (request.headers["content-type"], request.body) == (
        "application/merge-patch+json",
        {"spec": {"suspended": True}},
    )


def test_delete_says_which_one_and_whether_to_try_only(store: ScheduleStore, server: Server) -> None:
    server.answer = lambda request: (200, {}, {})
    store.delete(schedule_resource(), dry_run=False)
    store.delete(schedule_resource(), dry_run=True)
    uid = {"preconditions": {"uid": "uid-nightly"}}
    # The server does not read the query where there is a body.
    assert [request.body for request in server.requests] == [uid, uid | {"dryRun": ["All"]}]
    assert asked(server.requests[1]) == ("DELETE", f"{PATH}/nightly", {})


def test_delete_of_one_that_is_gone(store: ScheduleStore, server: Server) -> None:
    server.answer = lambda request: status(404, "not found", kind="djangotaskschedules", name="nightly")
    store.delete(schedule_resource(), dry_run=False)
    with pytest.raises(ScheduleDoesNotExist):
        store.get("nightly")


def test_find_reads_all_pages(store: ScheduleStore, server: Server) -> None:
    def answer(request: Request) -> Answer:
        after = parse_qs(urlsplit(request.path).query).get("continue")
        items = [schedule_resource("b" if after else "a")]
        return 200, {"metadata": {} if after else {"continue": "token"}, "items": items}, {}

    server.answer = answer
    assert [one["metadata"]["name"] for one in store.find()] == ["a", "b"]
    assert asked(server.requests[0])[1] == PATH
    (limit,) = parse_qs(urlsplit(server.requests[0].path).query)["limit"]
    assert int(limit) * 1.5 <= 100, "in MB, of objects as large as etcd takes"
    list(store.everywhere().find())
    assert asked(server.requests[-1])[1] == "/apis/djangotasks.dev/v1alpha1/djangotaskschedules"


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "x" * 64])
def test_a_name_that_is_none_is_not_asked_for(store: ScheduleStore, server: Server, name: str) -> None:
    with pytest.raises(ScheduleDoesNotExist):
        store.get(name)
    assert server.requests == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((400, {"message": "strict decoding error: unknown field"}, {}), TaskRefused),
        ((503, {"message": "later"}, {}), ApiUnavailable),
        ((200, b"<html>a proxy</html>", {}), ApiUnavailable),
        (None, ApiUnavailable),
    ],
)
def test_other_errors_are_those_of_tasks(
    store: ScheduleStore, server: Server, answer: Any, error: type[Exception]
) -> None:
    server.answer = lambda request: answer
    with pytest.raises(error):
        store.get("nightly")
