"""WatchStream what changes, with an API server on the loopback that ends watches in every way."""

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from urllib3 import Timeout

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.watch import stream as following_module
from django_tasks_kubernetes.watch.events import Event
from django_tasks_kubernetes.watch.stream import Change, Disconnected, RelistNeeded, WatchStream
from tests.unit.backend.kube.test_client import kubeconfig, status
from tests.unit.backend.web_server import Answer, Request, Server

LIST: Answer = (200, {"metadata": {"resourceVersion": "5", "remainingItemCount": 41}, "items": [{}]}, {})
GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}
BROKEN = {"type": "ERROR", "object": {"kind": "Status", "code": 500}}


@pytest.fixture
def client(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setattr(following_module, "BACKOFF_SECONDS", 0.001)
    made = Client(Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), request_timeout=60, retries=0))
    yield made
    made.close()


def event(name: str, version: int, type_: str = "MODIFIED") -> dict[str, Any]:
    return {"type": type_, "object": {"metadata": {"name": name, "resourceVersion": str(version)}}}


def bookmark(version: int) -> dict[str, Any]:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


def watches(*bodies: list[Any] | Answer, lists: tuple[Answer, ...] = (LIST,)) -> Callable[[Request], Answer]:
    """The answers to the watches one after the other, and to the lists; the last for ever."""
    left: dict[str, list[Any]] = {"true": list(bodies), "": list(lists)}

    def answer(request: Request) -> Answer:
        kind = parse_qs(urlsplit(request.path).query).get("watch", [""])[0]
        found: Any = left[kind].pop(0) if len(left[kind]) > 1 else left[kind][0]
        return (200, iter(found), {}) if isinstance(found, list) else found

    return answer


def take(watching: WatchStream, number: int) -> list[Change]:
    return list(itertools.islice(watching, number))


def shown(changes: list[Change]) -> list[str]:
    return [change.name if isinstance(change, Event) else type(change).__name__ for change in changes]


def versions(server: Server) -> list[str]:
    queries = [parse_qs(urlsplit(request.path).query) for request in server.requests]
    return [query["resourceVersion"][0] for query in queries if "watch" in query]


def test_stream_begins_with_a_cheap_list(server: Server, client: Client) -> None:
    server.answer = watches([event("t1", 6), event("t2", 7)])
    assert shown(take(WatchStream(client), 4)) == ["RelistNeeded", "Connected", "t1", "t2"]
    assert take(WatchStream(client), 1) == [RelistNeeded(42)]
    listed, watched = server.requests[:2]
    assert listed.path.endswith("?limit=1")
    assert "PartialObjectMetadataList" in listed.headers["accept"]
    assert "allowWatchBookmarks=true" in watched.path
    assert versions(server) == ["5"]


def test_stream_of_an_empty_namespace(server: Server, client: Client) -> None:
    # As the API server writes it where only metadata is asked for.
    server.answer = watches([], lists=((200, {"metadata": {"resourceVersion": "5"}, "items": None}, {}),))
    assert take(WatchStream(client), 1) == [RelistNeeded(0)]


@pytest.mark.parametrize("ending", [[], [b'{"type":"MODI'], [b"not JSON\n"], [BROKEN]], ids=str)
def test_stream_reconnects_from_the_last_version(server: Server, client: Client, ending: list[Any]) -> None:
    server.answer = watches([event("t1", 6), bookmark(9), *ending], [event("t2", 10)])
    changes = take(WatchStream(client), 6)
    assert shown(changes) == ["RelistNeeded", "Connected", "t1", "Disconnected", "Connected", "t2"]
    assert versions(server) == ["5", "9"]


@pytest.mark.parametrize("gone", [[event("t1", 6), GONE], status(410, "too old")], ids=["line", "answer"])
def test_stream_relists_after_410(server: Server, client: Client, gone: Any) -> None:
    later: Answer = (200, {"metadata": {"resourceVersion": "50"}, "items": []}, {})
    server.answer = watches(gone, [event("t2", 51)], lists=(LIST, later))
    changes = [change for change in take(WatchStream(client), 6) if not isinstance(change, Disconnected)]
    assert changes.count(RelistNeeded(42)) == changes.count(RelistNeeded(0)) == 1
    assert versions(server) == ["5", "50"]


@pytest.mark.parametrize("failure", [None, status(429), status(500), status(503)], ids=str)
def test_stream_retries_an_unavailable_server(server: Server, client: Client, failure: Answer) -> None:
    server.answer = watches(failure, failure, [event("t1", 6)], lists=(failure, LIST))
    changes = take(WatchStream(client), 6)
    assert shown(changes) == ["Disconnected", "RelistNeeded", "Disconnected", "Disconnected", "Connected", "t1"]
    assert isinstance(changes[0], Disconnected)
    assert isinstance(changes[0].error, e.ApiUnavailable)


def test_stream_backs_off_exponentially(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following_module, "BACKOFF_SECONDS", 0.2)
    server.answer = watches(None, lists=(LIST,))
    watching, waits = WatchStream(client), list[float]()
    monkeypatch.setattr(watching._closing, "wait", waits.append)
    take(watching, 12)
    assert len(waits) == 10
    for number, seconds in enumerate(waits):
        longest = min(0.2 * 2**number, 5)
        assert longest / 2 <= seconds <= longest


def silence(server: Server, *before: Any) -> Iterator[Any]:
    """After these, nothing comes until the test is over."""
    yield from before
    server.arrived.clear()
    server.arrived.wait(30)


def test_stream_reconnects_after_silence(server: Server, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client._connection, "_stream_timeout", Timeout(connect=5, read=0.05))
    server.answer = watches((200, silence(server, event("t1", 6)), {}), [event("t2", 7)])
    assert shown(take(WatchStream(client), 6)) == ["RelistNeeded", "Connected", "t1", "Disconnected", "Connected", "t2"]
    assert versions(server) == ["5", "6"]


@pytest.mark.parametrize(("newest", "relists", "watched"), [("3", 2, ["5", "3"]), ("5", 1, ["5", "5"])])
def test_stream_relists_where_the_versions_went_back(
    server: Server, client: Client, newest: str, relists: int, watched: list[str]
) -> None:
    """etcd was restored from a backup: the API server accepts a watch from a later version, and sends nothing until it
    is there (kubernetes/kubernetes#107457)."""
    later: Answer = (200, {"metadata": {"resourceVersion": newest}, "items": []}, {})
    server.answer = watches([], [event("t1", 6)], lists=(LIST, later))
    changes = itertools.takewhile(lambda change: not isinstance(change, Event), WatchStream(client))
    assert sum(isinstance(change, RelistNeeded) for change in changes) == relists
    assert versions(server)[:2] == watched


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (status(403, 'User "x" cannot watch resource "djangotasks"'), e.PermissionDenied),
        (status(401, "Unauthorized"), e.NotAuthenticated),
        ((404, b"404 page not found", {}), e.CrdNotInstalled),
    ],
    ids=["right", "credentials", "CRD"],
)
@pytest.mark.parametrize("of", ["list", "watch"])
def test_stream_raises_permanent_errors(
    server: Server, client: Client, answer: Answer, error: type[Exception], of: str
) -> None:
    server.answer = watches([], lists=(answer,)) if of == "list" else watches(answer)
    if (of, error) == ("watch", e.NotAuthenticated):
        # The list was accepted a moment ago: a token that is being renewed.
        assert shown(take(WatchStream(client), 3)) == ["RelistNeeded", "Disconnected", "Disconnected"]
        return
    with pytest.raises(error):
        take(WatchStream(client), 9)


def test_close_ends_a_silent_stream(server: Server, client: Client) -> None:
    server.answer = watches((200, silence(server, event("t1", 6)), {}))
    watching, seen, seen_event = WatchStream(client), list[Change](), threading.Event()

    def follow() -> None:
        for change in watching:
            seen.append(change)
            if isinstance(change, Event):
                seen_event.set()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert seen_event.wait(30)
    watching.close()
    thread.join(30)
    assert not thread.is_alive()
    assert shown(seen) == ["RelistNeeded", "Connected", "t1"]
    server.arrived.set()


@pytest.mark.parametrize("what", [WatchStream.close, lambda watching: watching.select("spec.queue=mail")])
def test_close_and_select_while_the_stream_connects(
    server: Server, client: Client, what: Callable[[WatchStream], None]
) -> None:
    watching = WatchStream(client)
    usual = watches((200, silence(server), {}), [event("t1", 6)])

    def answer(request: Request) -> Answer:
        if "watch=true" in request.path and "fieldSelector" not in request.path:
            what(watching)
        return usual(request)

    server.answer = answer
    seen = shown(take(watching, 3))
    assert seen in (["RelistNeeded"], ["RelistNeeded", "Connected", "t1"])
    assert ("fieldSelector" in server.requests[-1].path) == ("t1" in seen)
    server.arrived.set()
