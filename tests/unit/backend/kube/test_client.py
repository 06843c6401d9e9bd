"""The client against an HTTP server: what it sends, what it repeats, and what it says of each refusal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.client import Client
from tests.unit.backend.web_server import Answer, Request, Server

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


def answers(*sequence: Answer) -> Callable[[Request], Answer]:
    """One after the other; the last for ever."""
    left = list(sequence)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


def status(code: int, message: str = "", **details: Any) -> Answer:
    body = {"kind": "Status", "status": "Failure", "message": message, "code": code, "details": details}
    return code, body, {}


CREATED: Answer = (201, RESOURCE, {})


def test_create_sends_the_resource(server: Server, client: Client) -> None:
    server.answer = answers(CREATED)
    client.create(RESOURCE)
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", f"{PATH}?fieldValidation=Strict")
    assert request.body == RESOURCE
    assert request.headers["authorization"] == "Bearer secret"
    assert request.headers["content-type"] == "application/json"


def test_client_keeps_its_connection(server: Server, client: Client) -> None:
    server.answer = answers((200, RESOURCE, {}))
    for _ in range(3):
        assert client.get("t1") == RESOURCE
    assert [request.path for request in server.requests] == [f"{PATH}/t1"] * 3
    assert len({request.port for request in server.requests}) == 1


@pytest.mark.parametrize("failure", [None, status(429), status(500), status(502), status(503), status(504)], ids=str)
def test_client_retries_a_request(server: Server, client: Client, failure: Answer) -> None:
    server.answer = answers(failure, failure, CREATED)
    client.create(RESOURCE)
    assert len(server.requests) == 3


def test_create_succeeds_where_an_earlier_try_did(server: Server, client: Client) -> None:
    stored = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": False}}  # with the CRD's defaults
    server.answer = answers(None, status(409, "already exists", name="t1"), (200, stored, {}))
    client.create(RESOURCE)
    assert [request.method for request in server.requests] == ["POST", "POST", "GET"]


def test_create_succeeds_where_the_task_was_cancelled_meanwhile(server: Server, client: Client) -> None:
    """The outbox then says so, and the first request did not, or the other way round."""
    sent = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": True, "cancelReason": "withdrawn"}}
    for first, stored in ((sent, RESOURCE), (RESOURCE, sent)):
        server.answer = answers(status(409, "already exists", name="t1"), (200, stored, {}))
        assert client.create(first) is None


def test_create_refuses_another_task_of_the_name(server: Server, client: Client) -> None:
    stored = RESOURCE | {"spec": {"task": "another"}}
    server.answer = answers(status(409, "already exists", name="t1"), (200, stored, {}))
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(RESOURCE)


def test_client_honours_retry_after_up_to_a_limit(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("urllib3.util.retry.time.sleep", waits.append)
    server.answer = answers((429, {}, {"Retry-After": "1"}), (503, {}, {"Retry-After": "3600"}), CREATED)
    client.create(RESOURCE)
    assert waits == [1, 5]


def test_client_backs_off_with_a_limit(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
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


BLOCKED = b"""\xef\xbb\xbf
<!DOCTYPE html><html><head><style>b { color: red }</style><title>Access
 denied &ndash; \x1b[2J Example Corp</title></head><body><b>Ask IT.</b></body></html>"""


@pytest.fixture
def proxied(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Client]:
    """A client for an API server's URL, whose environment names `server` as the proxy, with a password."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, server.url.replace("http://", "http://jane:s3cret@"))
        monkeypatch.delenv(name.lower(), raising=False)

    def make(url: str) -> Client:
        return Client(Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, url), retries=0, request_timeout=60))

    return make


def test_client_names_a_proxy_that_refuses(server: Server, proxied: Callable[[str], Client]) -> None:
    server.answer = answers((403, BLOCKED, {"Content-Type": "text/html"}))
    client = proxied("http://api.example:6443")
    calls: list[Callable[[], object]] = [lambda: client.create(RESOURCE), lambda: client.get("t1")]
    for call in calls:
        with pytest.raises(e.ApiUnavailable) as caught:
            call()
        message = str(caught.value)
        assert "http://api.example:6443" in message
        assert "with a web page (403): Access denied – [2J Example Corp." in message
        assert f"through the proxy {server.url.removeprefix('http://')}, as $HTTPS_PROXY" in message
        assert "$NO_PROXY" in message
        assert "s3cret" not in message
    assert server.requests[0].path.startswith("http://api.example:6443/apis/")


def test_client_refuses_a_page_in_place_of_an_answer(server: Server, proxied: Callable[[str], Client]) -> None:
    """As of a portal that asks people to log in."""
    server.answer = answers((200, b"<html><title>Log in</title></html>", {}))
    client = proxied("http://api.example:6443")
    calls: list[Callable[[], object]] = [
        lambda: client.get("t1"), lambda: list(client.names()), client.newest, client.try_create,
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(e.ApiUnavailable, match=r"web page \(200\): Log in"):
            call()


def test_client_names_a_proxy_that_opens_no_tunnel(server: Server, proxied: Callable[[str], Client]) -> None:
    with pytest.raises(e.ApiUnavailable, match=r"Tunnel connection failed: 501 .*went through the proxy 127\.0\.0\.1:"):
        proxied("https://api.example:6443").create(RESOURCE)


def test_client_honours_no_proxy(
    server: Server, proxied: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    server.answer = answers(CREATED)
    proxied(server.url).create(RESOURCE)
    assert server.requests[0].path.startswith("/apis/")


KEYED = RESOURCE | {"spec": {**RESOURCE["spec"], "idempotencyKey": "order-1", "enqueuedAt": "2026-11-23T12:00:00Z"}}
FIRST = {**KEYED, "spec": {**KEYED["spec"], "enqueuedAt": "2026-11-23T11:00:00Z"}}
TAKEN = status(409, "already exists", name="t1")
NOT_FOUND = status(404, "not found", name="t1", kind="djangotasks")


def test_create_returns_the_first_task_of_a_key(server: Server, client: Client) -> None:
    server.answer = answers(TAKEN, (200, FIRST, {}))
    assert client.create(KEYED) == FIRST


@pytest.mark.parametrize("change", [{"task": "another.task"}, {"idempotencyKey": "order-2"}])
def test_create_refuses_a_task_of_another_key(server: Server, client: Client, change: dict[str, str]) -> None:
    server.answer = answers(TAKEN, (200, FIRST | {"spec": FIRST["spec"] | change}, {}))
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(KEYED)


@pytest.mark.parametrize("meanwhile", [NOT_FOUND, (200, FIRST | {"metadata": {"deletionTimestamp": "now"}}, {})])
def test_create_retries_while_a_name_becomes_free(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch, meanwhile: Answer
) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.kube.client.RECREATION_SECONDS", 0)
    server.answer = answers(TAKEN, meanwhile, CREATED)
    assert client.create(KEYED) is None
    server.answer = lambda request: TAKEN if request.method == "POST" else meanwhile
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(KEYED)


def test_cancel_patches_the_spec(server: Server, client: Client) -> None:
    cancelled = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": True}}
    server.answer = answers((200, RESOURCE, {}), (200, cancelled, {}))
    assert client.cancel("t1", "why") == cancelled
    assert server.requests[-1].method == "PATCH"
    assert server.requests[-1].headers["content-type"] == "application/merge-patch+json"
    assert server.requests[-1].body == {"spec": {"cancel": True, "cancelReason": "why"}}


def test_cancel_beside_another_request(server: Server, client: Client) -> None:
    cancelled = RESOURCE | {"spec": {**RESOURCE["spec"], "cancel": True}}
    server.answer = answers((200, RESOURCE, {}), status(422, "cancelReason is given together"), (200, cancelled, {}))
    assert client.cancel("t1", "why") == cancelled


@pytest.mark.parametrize("change", [{"status": {"phase": "Succeeded"}}, {"spec": {"task": "a.b", "cancel": True}}])
def test_cancel_leaves_a_finished_task(server: Server, client: Client, change: dict[str, Any]) -> None:
    server.answer = answers((200, RESOURCE | change, {}))
    assert client.cancel("t1", "why") == RESOURCE | change
    assert [request.method for request in server.requests] == ["GET"]


def test_find_reads_page_by_page(server: Server, client: Client) -> None:
    server.answer = answers(
        (200, {"metadata": {"continue": "a b"}, "items": [1, 2]}, {}),
        (410, {"metadata": {"continue": "newer"}, "message": "too old"}, {}),
        (200, {"metadata": {}, "items": [3]}, {}),
    )
    found: list[Any] = list(client.find("spec.queue=mail"))
    assert found == [1, 2, 3]
    queries = [request.path.removeprefix(f"{PATH}?") for request in server.requests]
    assert queries[0] == "fieldSelector=spec.queue%3Dmail&limit=20"
    assert [query.partition("continue=")[2] for query in queries[1:]] == ["a+b", "newer"]
    server.answer = answers(status(410, "gone"))
    with pytest.raises(e.TaskRefused, match="gone"):
        list(client.find(""))


def test_a_server_whose_snapshots_are_all_too_old_is_not_asked_for_ever(server: Server, client: Client) -> None:
    too_old: list[Any] = [(410, {"metadata": {"continue": "newer"}, "message": "too old"}, {})] * 10
    server.answer = answers(*too_old, status(500, "asked too often"))
    with pytest.raises(e.TaskRefused, match="too old"):
        list(client.find(""))


@pytest.mark.parametrize(("read", "most"), [("find", 100), ("names", 500)])
def test_pages_are_of_so_many_bytes(server: Server, client: Client, read: str, most: int) -> None:
    """Of objects that come with their results the next ones may be large, whatever those before were: so fewer."""
    sizes = {"small": 100, "large": 300_000, "medium": 20_000}
    asked: list[tuple[str, int]] = []

    def answer(request: Request) -> Answer:
        limit = int(request.path.partition("limit=")[2].partition("&")[0])
        kind = ("small", "small", "large", "large", "medium", "medium")[len(asked)]
        asked.append((kind, limit))
        item = {"metadata": {"name": "t", "labels": {"x": "y" * sizes[kind]}}}
        more = {"continue": "c"} if len(asked) < 6 else {}
        # Of 500 large ones, a server sends as many as it has.
        return 200, {"metadata": more, "items": [item] * min(limit, 30)}, {}

    server.answer = answer
    list(client.find("")) if read == "find" else list(client.names())
    assert [limit for _, limit in asked] == [20, most, most, 13, 13, min(209, most)]


def test_uids_are_read_from_metadata(client: Client, server: Server) -> None:
    pages: list[Answer] = [
        (200, {"metadata": {"continue": "c"}, "items": [{"metadata": {"name": "a", "uid": "u-1"}}]}, {}),
        (200, {"metadata": {}, "items": [{"metadata": {"name": "b", "uid": "u-2"}}]}, {}),
    ]
    server.answer = answers(*pages)
    assert list(client.uids()) == ["u-1", "u-2"]
    assert all("as=PartialObjectMetadataList" in request.headers["accept"] for request in server.requests)


def test_values_of_a_label_are_read_from_the_metadata_of_those_that_have_it(client: Client, server: Server) -> None:
    server.answer = lambda _: (200, {"metadata": {}, "items": [{"metadata": {"labels": {"a/b": "1"}}}]}, {})
    assert list(client.values_of("a/b")) == ["1"]
    assert "labelSelector=a%2Fb" in server.requests[0].path
    assert "as=PartialObjectMetadataList" in server.requests[0].headers["accept"]
