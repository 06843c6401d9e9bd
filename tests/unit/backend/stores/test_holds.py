"""The requests that commands send for holds."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import HoldDoesNotExist, HoldRefused
from django_tasks_kubernetes.stores.holds import HoldStore, connect
from tests.unit.backend.hold_resources import hold_resource
from tests.unit.backend.kube.test_client import kubeconfig, status
from tests.unit.backend.web_server import Answer, Request, Server

PATH = "/apis/djangotasks.dev/v1alpha1/namespaces/shop/djangotaskholds"
REFUSAL = (
    'djangotaskqueues.djangotasks.dev is forbidden: User "system:serviceaccount:shop:web" cannot list resource '
    '"djangotaskqueues" in API group "djangotasks.dev" in the namespace "shop"'
)


@pytest.fixture
def store(server: Server, tmp_path: Path) -> HoldStore:
    return connect(
        Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), request_timeout=60, retries=0)
    )


def test_create(store: HoldStore, server: Server) -> None:
    server.answer = lambda request: (201, request.body, {})
    store.create("reports", {"concurrency": 0, "by": "jane"})
    (request,) = server.requests
    assert (request.method, urlsplit(request.path).path) == ("POST", PATH)
    assert parse_qs(urlsplit(request.path).query)["fieldValidation"] == ["Strict"]
    assert request.body["metadata"] == {"name": "reports"}
    assert request.body["spec"] == {"concurrency": 0, "by": "jane"}


def test_replace_is_of_the_version_that_was_read_and_leaves_nothing_of_it(store: HoldStore, server: Server) -> None:
    server.answer = lambda request: (200, request.body, {})
    store.replace(hold_resource(until="2026-11-23T12:00:00Z"), {"concurrency": 1, "by": "joe"})
    (request,) = server.requests
    assert request.headers["content-type"] == "application/merge-patch+json"
    assert request.body == {
        "metadata": {"uid": "uid-reports", "resourceVersion": "1"},
        "spec": {"concurrency": 1, "by": "joe", "reason": None, "until": None},
    }


def test_delete_is_of_the_version_that_was_read(store: HoldStore, server: Server) -> None:
    server.answer = lambda request: (200, {}, {})
    store.delete(hold_resource(), unchanged=True)
    (request,) = server.requests
    assert request.body == {"preconditions": {"uid": "uid-reports", "resourceVersion": "1"}}


def test_somebody_else_was_first(store: HoldStore, server: Server) -> None:
    server.answer = lambda request: status(409, "already exists")
    with pytest.raises(HoldRefused, match="Somebody else holds the queue"):
        store.create("reports", {"by": "jane"})


def test_none_is_held(store: HoldStore, server: Server) -> None:
    server.answer = lambda request: status(404, "not found", kind="djangotaskholds", name="reports")
    assert store.held("reports") is None


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "x" * 64])
def test_a_name_that_is_none_is_not_asked_for(store: HoldStore, server: Server, name: str) -> None:
    with pytest.raises(HoldDoesNotExist):
        store.get(name)
    with pytest.raises(HoldDoesNotExist):
        store.create(name, {})
    assert server.requests == []


def test_the_servers_clock_counts(store: HoldStore, server: Server) -> None:
    store.answered({"date": "Mon, 23 Nov 2099 12:00:00 GMT"})
    assert abs(store.now() - datetime(2099, 11, 23, 12, tzinfo=UTC)) < timedelta(hours=1)
    store.answered({"date": "x"})
    assert store.now() > datetime(2099, 1, 1, tzinfo=UTC), "what says nothing changes nothing"
    server.answer = lambda request: (200, hold_resource(), {})
    store.get("reports")
    assert store.now() < datetime(2099, 1, 1, tzinfo=UTC)


def test_queues_are_asked_for_by_name_alone(store: HoldStore, server: Server) -> None:
    def answer(request: Request) -> Answer:
        after = parse_qs(urlsplit(request.path).query).get("continue")
        item = {"metadata": {"namespace": "shop", "name": "b" if after else "a"}}
        return 200, {"metadata": {} if after else {"continue": "token"}, "items": [item]}, {}

    server.answer = answer
    assert store.queues() == {("shop", "a"), ("shop", "b")}
    assert "PartialObjectMetadataList" in server.requests[0].headers["accept"]
    server.answer = lambda request: status(403, REFUSAL)
    assert store.queues() is None


@pytest.mark.parametrize(("code", "known"), [(200, True), (404, False), (403, None), (500, None)])
def test_whether_there_is_a_queue(store: HoldStore, server: Server, code: int, known: bool | None) -> None:
    server.answer = lambda request: status(code, "x")
    assert store.has_queue("reports") is known


def test_who_asks(store: HoldStore, server: Server) -> None:
    server.answer = lambda request: (201, {"status": {"userInfo": {"username": "oidc:jane"}}}, {})
    assert store.user() == "oidc:jane"
    assert server.requests[0].body["kind"] == "SelfSubjectReview"
    server.answer = lambda request: status(403, "no")
    assert store.user() is None


def test_all_namespaces(store: HoldStore, server: Server) -> None:
    server.answer = lambda request: (200, {"metadata": {}, "items": []}, {})
    assert list(store.everywhere().find()) == []
    assert urlsplit(server.requests[0].path).path == "/apis/djangotasks.dev/v1alpha1/djangotaskholds"
