"""The client of a task's pod, against a server that answers as the operator does."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube import connection, operator_endpoint, own_attempt
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.result import EnqueuedBy
from djangotasks_api.names import TASK_KIND
from djangotasks_api.refusals import Refusal
from tests.unit.backend.kube.test_client import RESOURCE, answers
from tests.unit.backend.kube.test_connection import attempt
from tests.unit.backend.web_server import Answer, Request, Server

MODULE = operator_endpoint.__name__
PATH = "/v1/attempts/shop/t1/u-1/2/tasks"
CREATED: Answer = (201, {"kind": TASK_KIND, "metadata": {"name": "t1"}}, {})


def refusal(code: int, reason: str | None, message: str = "words", **details: str) -> Answer:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    return code, body, {}


@pytest.fixture
def make(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Client]]:
    """The client of a pod whose operator is the server."""
    monkeypatch.setattr(connection, "is_configured", lambda options: False)
    own_attempt.enter(attempt(server.url))
    yield lambda **options: Client(Options(**options))
    own_attempt.leave()


@pytest.fixture
def client(make: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> Client:
    """It waits for nothing."""
    monkeypatch.setattr(f"{MODULE}.time.sleep", lambda seconds: None)
    return make()


def test_it_asks_with_the_attempts_token(server: Server, client: Client) -> None:
    server.answer = answers(CREATED)
    assert client.create(RESOURCE) is None
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"{PATH}?fieldValidation=Strict")
    assert request.headers["authorization"] == "Bearer the-token"
    assert request.body == RESOURCE


def test_what_it_creates_is_enqueued_by_its_attempt(client: Client) -> None:
    assert client.enqueued_by == EnqueuedBy(id="t1", attempt=2)


def test_an_operator_that_is_away_is_waited_for(server: Server, client: Client) -> None:
    server.answer = answers(
        None, refusal(503, "ServiceUnavailable"), (429, {}, {"Retry-After": "1"}), (502, b"<html>", {}), CREATED
    )
    client.create(RESOURCE)
    assert len(server.requests) == 5


def test_a_key_that_is_being_changed_is_waited_for(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = answers(refusal(401, "Unauthorized"), refusal(401, "Unauthorized"), CREATED)
    client.create(RESOURCE)
    monkeypatch.setattr(operator_endpoint, "UNAUTHORIZED_SECONDS", 0)
    server.answer = answers(refusal(401, "Unauthorized", "the token is not this attempt's"))
    with pytest.raises(e.NotAuthenticated, match="does not accept the token of this attempt"):
        client.create(RESOURCE)


def test_it_is_waited_for_up_to_a_bound(server: Server, make: Callable[..., Client]) -> None:
    server.answer = answers(refusal(503, "ServiceUnavailable", "the API server is not available"))
    with pytest.raises(e.ApiUnavailable) as caught:
        make(operator_timeout=0.3).create(RESOURCE)
    assert "in 0.3 s (OPTIONS['OPERATOR_TIMEOUT']): 503 the API server is not available." in str(caught.value)
    (note,) = caught.value.__notes__
    assert note.endswith("the task exists as t1.")


def test_it_waits_as_long_as_the_operator_asks(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(f"{MODULE}.time.sleep", waits.append)
    server.answer = answers((429, {}, {"Retry-After": "7"}), CREATED)
    client.create(RESOURCE)
    assert 7 <= waits[0] <= 7.1


def test_it_waits_a_little_longer_each_time(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    longest: list[float] = []

    def shortest(least: float, most: float) -> float:
        longest.append(most)
        return least

    monkeypatch.setattr("django_tasks_kubernetes.jitter.between", shortest)
    server.answer = answers(*[None] * 8, CREATED)
    client.create(RESOURCE)
    assert longest == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5]


def test_a_lost_answer_makes_no_second_task(server: Server, client: Client) -> None:
    """The operator shows the task that has the name, and it is the one that was sent."""
    server.answer = answers(None, (409, RESOURCE | {"kind": TASK_KIND}, {}))
    assert client.create(RESOURCE) is None
    assert [request.method for request in server.requests] == ["POST", "POST"]


def test_the_first_task_of_a_key_is_found_though_it_is_another_ones(server: Server, client: Client) -> None:
    keyed = RESOURCE | {"spec": {**RESOURCE["spec"], "idempotencyKey": "k"}}
    first = keyed | {"kind": TASK_KIND, "spec": {**keyed["spec"], "enqueuedAt": "earlier"}}
    server.answer = answers((409, first, {}))
    assert client.create(keyed | {"spec": {**keyed["spec"], "enqueuedAt": "now"}}) == first
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (refusal(403, Refusal.ATTEMPT_ENDED), e.PermissionDenied, "words"),
        (refusal(403, Refusal.TASK_ACCESS), e.PermissionDenied, "words"),
        (
            refusal(403, "Forbidden", 'User "o" cannot create resource "x"'),
            e.PermissionDenied,
            "Upgrade its Helm chart",
        ),
        (refusal(403, "Forbidden", "exceeded quota: q"), e.TaskRefused, "exceeded quota: q"),
        (refusal(422, Refusal.QUEUE_NOT_FOUND), e.TaskRefused, "words"),
        (refusal(422, "Invalid", "spec.queue: Invalid value"), e.TaskRefused, "spec.queue: Invalid value"),
        (refusal(400, "BadRequest", 'strict decoding error: unknown field "spec.x"'), e.TaskRefused, "is older than"),
        (refusal(404, "NotFound", kind="djangotasks", name="t1"), TaskResultDoesNotExist, "t1"),
        (refusal(404, "NotFound", "the server could not find it"), e.CrdNotInstalled, "kubectl apply -f crds/"),
        ((404, b"404: Not Found", {}), e.ApiUnavailable, "is older than this backend"),
        (refusal(413, "Request Entity Too Large", "too large"), e.TaskRefused, "(413): too large"),
        ((418, b"I am a teapot", {}), e.ApiUnavailable, "did not do what this task's pod asked for: 418 I am a teapot"),
    ],
)
def test_errors_name_cause_and_remedy(
    server: Server, client: Client, answer: Answer, error: type[TaskException], words: str
) -> None:
    server.answer = answers(answer)
    with pytest.raises(error) as caught:
        client.create(RESOURCE)
    assert words in str(caught.value)
    assert len(server.requests) == 1


def test_reading_following_and_cancelling_go_the_same_way(server: Server, client: Client) -> None:
    def answer(request: Request) -> Answer:
        if "watch=true" in request.path:
            return 200, iter(()), {}
        return 200, RESOURCE | {"metadata": {"name": "t2", "resourceVersion": "5"}, "items": []}, {}

    server.answer = answer
    client.get("t2")
    client.cancel("t2", "why")
    assert client.newest() == ("5", 0)
    assert list(client.find("spec.queue=mail")) == []
    assert client.watch("5", "spec.queue=mail") is not None
    paths = [request.path for request in server.requests]
    assert all(path.startswith(PATH) for path in paths)
    assert paths[:3] == [f"{PATH}/t2", f"{PATH}/t2", f"{PATH}/t2?fieldValidation=Strict"]


def test_an_operator_that_is_away_ends_no_watch(server: Server, client: Client) -> None:
    """It is tried once; the stream waits, and tries again."""
    server.answer = answers(None)
    with pytest.raises(e.ApiUnavailable):
        client.watch("5")
    assert len(server.requests) == 1


def test_a_warning_of_the_operator_is_logged_now_and_then(
    server: Server, client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = answers((200, b"", {"Warning": '299 - "beware"'}))
    for _ in range(3):
        assert client.watch("5") is not None
    assert [record.getMessage() for record in caplog.records] == ["beware"]
    monkeypatch.setattr(operator_endpoint, "WARNING_SECONDS", 0)
    client.watch("5")
    assert len(caplog.records) == 2


@pytest.mark.parametrize("call", [lambda client: client.pod("t1-1"), lambda client: client.may("create")])
def test_what_the_operator_does_not_do_needs_credentials(client: Client, call: Callable[[Any], object]) -> None:
    with pytest.raises(e.ClusterNotConfigured, match=r"This is a task's pod.*automountServiceAccountToken"):
        call(client)


def test_another_namespace_needs_credentials(make: Callable[..., Client]) -> None:
    assert make(namespace="shop").namespace == "shop"
    with pytest.raises(e.ClusterNotConfigured, match="in the namespace 'shop', and OPTIONS\\['NAMESPACE'\\] is 'bank'"):
        make(namespace="bank")
