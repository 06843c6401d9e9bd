"""The client against an HTTP server: what it sends, what it repeats, and what it says of each refusal."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes import client as client_module
from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.client import Client, connect
from django_tasks_kubernetes.options import Options
from tests.unit.backend.conftest import Answer, Request, Server

RESOURCE = {"metadata": {"name": "t1"}, "spec": {"task": "a.b", "payload": "{}"}}
PATH = "/apis/djangotasks.dev/v1alpha1/namespaces/shop/djangotasks"


def kubeconfig(folder: Path, url: str, namespace: str | None = None) -> str:
    path = folder / "kubeconfig"
    context = {"cluster": "c", "user": "u"} | ({"namespace": namespace} if namespace else {})
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": "secret"}}],
        "contexts": [
            {"name": "one", "context": context},
            {"name": "two", "context": context | {"namespace": "second"}},
        ],
    }
    path.write_text(json.dumps(document))
    return str(path)


@pytest.fixture
def options(server: Server, tmp_path: Path) -> Options:
    return Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), request_timeout=5)


@pytest.fixture
def client(options: Options, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    # urllib3 waits with this; how long, the backoff's own test asks.
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda seconds: None)
    made = Client(options)
    yield made
    made.close()


def answers(*sequence: Answer) -> Callable[[Request], Answer]:
    """One after the other; the last for ever."""
    left = list(sequence)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


def status(code: int, message: str = "", **details: Any) -> Answer:
    body = {"kind": "Status", "status": "Failure", "message": message, "code": code, "details": details}
    return code, body, {}


CREATED: Answer = (201, RESOURCE, {})


def test_what_is_sent(server: Server, client: Client) -> None:
    server.answer = answers(CREATED)
    client.create(RESOURCE)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"{PATH}?fieldValidation=Strict")
    assert request.body == RESOURCE
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["content-type"] == "application/json"


def test_one_connection_for_many_requests(server: Server, client: Client) -> None:
    server.answer = answers((200, RESOURCE, {}))
    for _ in range(3):
        assert client.get("t1") == RESOURCE
    assert [request.path for request in server.requests] == [f"{PATH}/t1"] * 3
    assert len({request.port for request in server.requests}) == 1


@pytest.mark.parametrize("failure", [None, status(429), status(500), status(502), status(503), status(504)], ids=str)
def test_a_request_is_repeated(server: Server, client: Client, failure: Answer) -> None:
    server.answer = answers(failure, failure, CREATED)
    client.create(RESOURCE)
    assert len(server.requests) == 3


def test_a_repeated_creation_that_had_worked_is_a_success(server: Server, client: Client) -> None:
    stored = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": False}}  # with the CRD's defaults
    server.answer = answers(None, status(409, "already exists", name="t1"), (200, stored, {}))
    client.create(RESOURCE)
    assert [request.method for request in server.requests] == ["POST", "POST", "GET"]


def test_a_repeated_creation_may_be_of_what_was_cancelled_meanwhile(server: Server, client: Client) -> None:
    """The outbox then says so, and the first request did not, or the other way round."""
    sent = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": True, "cancelReason": "withdrawn"}}
    for first, stored in ((sent, RESOURCE), (RESOURCE, sent)):
        server.answer = answers(status(409, "already exists", name="t1"), (200, stored, {}))
        assert client.create(first) is None


def test_another_task_of_that_name_is_no_success(server: Server, client: Client) -> None:
    stored = RESOURCE | {"spec": {"task": "another"}}
    server.answer = answers(status(409, "already exists", name="t1"), (200, stored, {}))
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(RESOURCE)


def test_retry_after_is_honoured_up_to_a_limit(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    server.answer = answers((429, {}, {"Retry-After": "1"}), (503, {}, {"Retry-After": "3600"}), CREATED)
    client.create(RESOURCE)
    assert waits == [1, 5]


def test_the_backoff_grows_and_is_limited(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    server.answer = answers(status(500))
    with pytest.raises(e.ApiUnavailable):
        client.create(RESOURCE)
    assert len(server.requests) == 4
    # The first repetition comes at once: most often an idle connection was closed.
    assert [0.2 <= waits[0] <= 0.4, 0.4 <= waits[1] <= 0.6, len(waits)] == [True, True, 2]


NO_ROLE = (
    'djangotasks.djangotasks.dev is forbidden: User "system:serviceaccount:shop:web" cannot create resource '
    '"djangotasks" in API group "djangotasks.dev" in the namespace "shop"'
)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(401, "Unauthorized"), e.NotAuthenticated, "kubectl auth whoami"),
        (status(403, NO_ROLE), e.PermissionDenied, "kubectl create role djangotasks-enqueue -n shop --verb=create,"),
        (status(403, 'forbidden: exceeded quota: q, cannot "x"'), e.TaskRefused, "exceeded quota: q"),
        (status(403, "namespace is being terminated"), e.TaskRefused, "being terminated"),
        (
            status(404, 'namespaces "shop" not found', kind="namespaces", name="shop"),
            e.NamespaceNotFound,
            "'shop' does",
        ),
        ((404, b"404 page not found\n", {}), e.CrdNotInstalled, "(404 page not found). Install"),
        (status(404, "the server could not find the requested resource"), e.CrdNotInstalled, "kubectl apply -f crds/"),
        (status(400, 'strict decoding error: unknown field "spec.x"'), e.TaskRefused, "older than this backend"),
        (status(400, 'admission webhook "w" denied the request'), e.TaskRefused, "denied the request"),
        (status(422, "spec.queue: Invalid value"), e.TaskRefused, "(422): spec.queue: Invalid value"),
        (status(413, "x" * 5000), e.TaskRefused, "x" * 2000 + "…"),
        (status(503, "etcd is away"), e.ApiUnavailable, "(503): etcd is away"),
        ((502, b"<html>", {}), e.ApiUnavailable, "(502): <html>"),
        ((302, b"", {"Location": "http://evil.example/"}), e.TaskRefused, "(302)"),
    ],
)
def test_a_refusal_names_cause_and_remedy(
    server: Server, client: Client, answer: Answer, error: type[TaskException], words: str
) -> None:
    server.answer = answers(answer)
    with pytest.raises(error) as caught:
        client.create(RESOURCE)
    assert words in str(caught.value)
    assert isinstance(caught.value, e.KubernetesBackendError)


def test_a_task_that_is_not_there_and_a_kind_that_is_not(server: Server, client: Client) -> None:
    server.answer = answers(status(404, 'djangotasks.djangotasks.dev "t1" not found', kind="djangotasks", name="t1"))
    with pytest.raises(TaskResultDoesNotExist, match="t1"):
        client.get("t1")
    server.answer = answers((404, b"404 page not found\n", {}))
    with pytest.raises(e.CrdNotInstalled):
        client.get("t1")


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    options = Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, f"http://127.0.0.1:{port}"), retries=0)
    with pytest.raises(e.ApiUnavailable, match=rf"127.0.0.1:{port} gave no answer: .*refused.*kubectl get"):
        Client(options).create(RESOURCE)


def test_a_server_that_does_not_answer_in_time(server: Server, options: Options) -> None:
    server.answer = lambda request: time.sleep(0.3)
    client = Client(Options(options.namespace, options.kubeconfig, request_timeout=0.1, retries=0))
    with pytest.raises(e.ApiUnavailable, match="timed out") as caught:
        client.create(RESOURCE)
    (note,) = caught.value.__notes__
    assert note.endswith("the task exists as t1.")


def test_threads_share_one_client_and_a_child_process_has_its_own(server: Server, options: Options) -> None:
    with ThreadPoolExecutor(4) as threads:
        clients = set(threads.map(lambda _: connect(options), range(16)))
    assert connect(options) in clients
    (kept,) = {id(client) for key, client in client_module._clients.items() if key[1] == options}
    assert kept == id(connect(options))


def test_after_a_fork(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    before = connect(options)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert connect(options) is not before


@pytest.mark.parametrize(
    ("of_options", "of_context", "expected"), [("a", "b", "a"), (None, "b", "b"), (None, None, "default")]
)
def test_the_namespace(tmp_path: Path, of_options: str | None, of_context: str | None, expected: str) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1", of_context)
    assert Client(Options(namespace=of_options, kubeconfig=path)).namespace == expected


def test_another_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1")
    assert Client(Options(kubeconfig=path, context="two")).namespace == "second"


def test_kubeconfig_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, "http://127.0.0.1", "from-env"))
    assert Client(Options()).namespace == "from-env"


@pytest.fixture
def in_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("token", "first"), ("namespace", "own"), ("ca.crt", "-")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    loader = "kubernetes.config.incluster_config"
    monkeypatch.setattr(f"{loader}.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(f"{loader}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(client_module, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(client_module, "NAMESPACE_FILE", tmp_path / "namespace")
    return tmp_path


def test_in_a_pod_the_service_account_is_used(in_pod: Path) -> None:
    configuration, namespace = client_module.load_configuration(Options())
    assert (configuration.host, namespace) == ("https://10.0.0.1:443", "own")
    settings: Any = configuration.auth_settings()
    assert settings["BearerToken"]["value"] == "bearer first"


def test_in_a_pod_a_given_kubeconfig_wins(in_pod: Path) -> None:
    path = kubeconfig(in_pod, "http://127.0.0.1:1")
    assert client_module.load_configuration(Options(kubeconfig=path))[0].host == "http://127.0.0.1:1"


@pytest.mark.parametrize("text", [None, "", "{", "{}", "[1]"], ids=str)
def test_no_usable_kubeconfig(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(e.ClusterNotConfigured, match=r"OPTIONS\['KUBECONFIG'\], \$KUBECONFIG or ~/.kube/config"):
        Client(Options(kubeconfig=str(path)))


def test_an_unknown_context(tmp_path: Path) -> None:
    with pytest.raises(e.ClusterNotConfigured, match="three"):
        Client(Options(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1"), context="three"))


KEYED = RESOURCE | {"spec": {**RESOURCE["spec"], "idempotencyKey": "order-1", "enqueuedAt": "2026-11-23T12:00:00Z"}}
FIRST = {**KEYED, "spec": {**KEYED["spec"], "enqueuedAt": "2026-11-23T11:00:00Z"}}
TAKEN = status(409, "already exists", name="t1")
NOT_FOUND = status(404, "not found", name="t1", kind="djangotasks")


def test_the_first_task_of_a_key_is_returned(server: Server, client: Client) -> None:
    server.answer = answers(TAKEN, (200, FIRST, {}))
    assert client.create(KEYED) == FIRST


@pytest.mark.parametrize("change", [{"task": "another.task"}, {"idempotencyKey": "order-2"}])
def test_a_task_of_another_key_is_not(server: Server, client: Client, change: dict[str, str]) -> None:
    server.answer = answers(TAKEN, (200, FIRST | {"spec": FIRST["spec"] | change}, {}))
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(KEYED)


@pytest.mark.parametrize("meanwhile", [NOT_FOUND, (200, FIRST | {"metadata": {"deletionTimestamp": "now"}}, {})])
def test_a_name_that_is_just_becoming_free(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch, meanwhile: Answer
) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.client.RECREATION_SECONDS", 0)
    server.answer = answers(TAKEN, meanwhile, CREATED)
    assert client.create(KEYED) is None
    server.answer = lambda request: TAKEN if request.method == "POST" else meanwhile
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(KEYED)


def test_cancel(server: Server, client: Client) -> None:
    cancelled = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": True}}
    server.answer = answers((200, RESOURCE, {}), (200, cancelled, {}))
    assert client.cancel("t1", "why") == cancelled
    assert server.requests[-1].method == "PATCH"
    assert server.requests[-1].headers["content-type"] == "application/merge-patch+json"
    assert server.requests[-1].body == {"spec": {"cancel": True, "cancelReason": "why"}}


def test_somebody_else_cancels_at_the_same_time(server: Server, client: Client) -> None:
    cancelled = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": True}}
    server.answer = answers((200, RESOURCE, {}), status(422, "cancelReason is given together"), (200, cancelled, {}))
    assert client.cancel("t1", "why") == cancelled


@pytest.mark.parametrize("change", [{"status": {"phase": "Succeeded"}}, {"spec": {"task": "a.b", "cancel": True}}])
def test_what_is_over_is_not_cancelled(server: Server, client: Client, change: dict[str, Any]) -> None:
    server.answer = answers((200, RESOURCE | change, {}))
    assert client.cancel("t1", "why") == RESOURCE | change
    assert [request.method for request in server.requests] == ["GET"]


def test_a_list_is_read_page_by_page(server: Server, client: Client) -> None:
    server.answer = answers(
        (200, {"metadata": {"continue": "a b"}, "items": [1, 2]}, {}),
        (410, {"metadata": {"continue": "newer"}, "message": "too old"}, {}),
        (200, {"metadata": {}, "items": [3]}, {}),
    )
    found: list[Any] = list(client.find("spec.queue=mail"))
    assert found == [1, 2, 3]
    queries = [request.path.removeprefix(f"{PATH}?") for request in server.requests]
    assert queries[0] == "limit=500&fieldSelector=spec.queue%3Dmail"
    assert [query.partition("continue=")[2] for query in queries[1:]] == ["a+b", "newer"]
    server.answer = answers(status(410, "gone"))
    with pytest.raises(e.TaskRefused, match="gone"):
        list(client.find(""))


def test_the_uids_are_asked_for_without_the_rest(client: Client, server: Server) -> None:
    pages: list[Answer] = [
        (200, {"metadata": {"continue": "c"}, "items": [{"metadata": {"name": "a", "uid": "u-1"}}]}, {}),
        (200, {"metadata": {}, "items": [{"metadata": {"name": "b", "uid": "u-2"}}]}, {}),
    ]
    server.answer = answers(*pages)
    assert list(client.uids()) == ["u-1", "u-2"]
    assert all("as=PartialObjectMetadataList" in request.headers["accept"] for request in server.requests)
