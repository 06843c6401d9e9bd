"""What task pods ask for, over real HTTP, with an API server behind the operator that answers as a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from djangotasks_api.bounds import TASK_REQUEST_MAX_BYTES
from djangotasks_api.names import TASK_KIND
from djangotasks_api.refusals import Refusal
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports import tasks_endpoint
from djangotasks_operator.reports.authentication import AttemptRef, Authentication
from djangotasks_operator.reports.endpoint import reports_app
from djangotasks_operator.reports.input_requests import InputRequests
from djangotasks_operator.reports.recorder import ReportRecorder
from djangotasks_operator.reports.requested import TASK as TASK_REQUESTED
from djangotasks_operator.reports.requested import Requested
from djangotasks_operator.reports.task_requests import AlreadyExists, TaskRequests
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.http_server import serve
from djangotasks_operator.runtime.resources import Resource

KEY = b"k" * 32
LOCAL = "127.0.0.1"
DEADLINE = 30.0
PATH = "/v1/attempts/shop/a/u/1/tasks"
ATTEMPT = AttemptRef(Key("shop", "a"), "u", 1)
TASK = {"kind": TASK_KIND, "metadata": {"name": "t1"}, "spec": {"task": "a.b"}}
NONE: Mapping[str, str] = {}
STRICT = {"fieldValidation": "Strict"}
WATCH = {"watch": "true", "resourceVersion": "5"}


def bearer(uid: str = "u", attempt: int = 1) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign(KEY, 'shop', uid, attempt)}"}


class Tasks:
    """In place of TaskRequests. `error`: what each request ends with. `opened`: the lists and watches, which a handler
    of the test answers."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[Any] = []
        self.found: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._nothing
        self.waiting = asyncio.Event()
        self.waiting.set()

    @property
    def api(self) -> Tasks:
        return self

    async def enqueue(self, attempt: AttemptRef, body: Any, kind: Requested = TASK_REQUESTED) -> Any:
        return await self._do("enqueue", attempt, body, *_unless_task(kind))

    async def read(self, attempt: AttemptRef, name: str, kind: Requested = TASK_REQUESTED) -> Any:
        return await self._do("read", attempt, name, *_unless_task(kind))

    async def cancel(self, attempt: AttemptRef, name: str, body: Any, kind: Requested = TASK_REQUESTED) -> Any:
        return await self._do("cancel", attempt, name, body, *_unless_task(kind))

    def warning(self, attempt: AttemptRef, selector: str, kind: Requested = TASK_REQUESTED) -> str | None:
        return "beware" if "mail" in selector else None

    async def selector(self, attempt: AttemptRef, asked: str) -> str:
        return f"{asked}+own"

    @contextlib.asynccontextmanager
    async def opened(
        self, verb: str, resource: Resource, namespace: str, params: Mapping[str, str], accept: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        self.asked.append((verb, namespace, dict(params), accept))
        app = web.Application()
        app.router.add_get("/", self.found)
        async with (
            TestServer(app) as server,
            aiohttp.ClientSession() as session,
            session.get(server.make_url("/")) as r,
        ):
            yield r

    async def _do(self, *asked: Any) -> Any:
        self.asked.append(asked)
        await self.waiting.wait()
        if self.error is not None:
            raise self.error
        return TASK

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"items": []})


def _unless_task(kind: Requested) -> list[str]:
    return [] if kind is TASK_REQUESTED else [kind.path]


class Pod:
    """Calls the endpoint, with the attempt's token by default."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    async def ask(
        self,
        method: str,
        path: str = PATH,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] = NONE,
    ) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        sent = bearer() if headers is None else headers
        async with self._session.request(
            method, self._url + path, data=data, headers=sent, params=dict(query)
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def post(self, body: Any = TASK, query: Mapping[str, str] = NONE) -> tuple[int, Any]:
        return await self.ask("POST", body=body, query=query)


def served[Result](story: Callable[[Pod], Awaitable[Result]], tasks: Tasks | None = None) -> Result:
    """Runs a story against the endpoint as the operator serves it."""

    async def run() -> Result:
        app = reports_app(
            cast(ReportRecorder, None),
            cast(TaskRequests, tasks or Tasks()),
            cast(InputRequests, None),
            Authentication([KEY], lambda task: None),
        )
        with socket.socket() as free:
            free.bind((LOCAL, 0))
            port = free.getsockname()[1]
        async with serve(app, LOCAL, port), aiohttp.ClientSession() as session:
            return await story(Pod(session, f"http://{LOCAL}:{port}"))

    return asyncio.run(run())


def test_each_request_reaches_its_purpose() -> None:
    tasks, change = Tasks(), {"spec": {"cancel": True, "cancelReason": "why"}}

    async def story(pod: Pod) -> list[int]:
        return [
            (await pod.post(query=STRICT))[0],
            (await pod.ask("GET", f"{PATH}/t2"))[0],
            (await pod.ask("PATCH", f"{PATH}/t2", change, query=STRICT))[0],
        ]

    assert served(story, tasks) == [201, 200, 200]
    assert tasks.asked == [("enqueue", ATTEMPT, TASK), ("read", ATTEMPT, "t2"), ("cancel", ATTEMPT, "t2", change)]


@pytest.mark.parametrize("kind", ["tasks", "workflows"])
def test_a_right_token_beside_an_invented_name(kind: str) -> None:
    """The token does not sign the name: otherwise each would be a request to the API server, and have its own limits."""
    tasks, path = Tasks(), PATH.replace("tasks", kind)

    async def story(pod: Pod) -> set[int]:
        assert (await pod.ask("GET", f"{path}/t1"))[0] == 200
        invented = path.replace("/a/", "/invented/")
        asked = [("POST", invented), ("GET", invented), ("GET", f"{invented}/t1"), ("PATCH", f"{invented}/t1")]
        return {(await pod.ask(method, url, {}))[0] for method, url in asked}

    assert served(story, tasks) == {401}
    assert len(tasks.asked) == 1


def test_workflows_have_a_path_of_their_own() -> None:
    tasks, path = Tasks(), PATH.replace("tasks", "workflows")

    async def story(pod: Pod) -> list[int]:
        return [
            (await pod.ask("POST", path, TASK, query=STRICT))[0],
            (await pod.ask("GET", f"{path}/w2"))[0],
            (await pod.ask("PATCH", f"{path}/w2", {}, query=STRICT))[0],
            (await pod.ask("POST", path, b" " * TASK_REQUEST_MAX_BYTES + b"{}"))[0],
        ]

    assert served(story, tasks) == [201, 200, 200, 201]
    assert [asked[0] for asked in tasks.asked] == ["enqueue", "read", "cancel", "enqueue"]
    assert {asked[-1] for asked in tasks.asked} == {"workflows"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, bearer(uid="v"), bearer(attempt=2), {"Authorization": "Basic x"}]
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", PATH), ("GET", PATH), ("GET", f"{PATH}/t1"), ("PATCH", f"{PATH}/t1")]
)
def test_a_wrong_token(headers: dict[str, str], method: str, path: str) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.ask(method, path, TASK, headers=headers), tasks)
    assert (status, answer["reason"], tasks.asked) == (401, "Unauthorized", [])


@pytest.mark.parametrize(
    "name", ["..", "..%2f..%2fsecrets", "a%2Fb", "A", "a_b", "%00", "-", "a" * 64, "a%3Fwatch=1", "a/status"]
)
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_name_is_a_name_and_no_path(method: str, name: str) -> None:
    tasks = Tasks()
    status, _ = served(lambda pod: pod.ask(method, f"{PATH}/{name}", {}), tasks)
    assert (status, tasks.asked) == (404, [])


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_nothing_else_is_done(method: str) -> None:
    tasks = Tasks()
    for path in (PATH, f"{PATH}/t1"):
        assert served(lambda pod, path=path: pod.ask(method, path, {}), tasks)[0] == 405  # type: ignore[misc]
    assert tasks.asked == []


@pytest.mark.parametrize("query", [{"dryRun": "All"}, {"fieldValidation": "Ignore"}, {"fieldManager": "x"}])
def test_a_query_that_would_change_the_meaning_is_refused(query: dict[str, str]) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.post(query=query), tasks)
    assert (status, answer["reason"], tasks.asked) == (422, Refusal.INVALID, [])


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"not json"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.post(body), tasks)
    assert (status, answer["reason"], tasks.asked) == (422, Refusal.INVALID, [])


def test_a_body_is_limited() -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.post(b" " * (TASK_REQUEST_MAX_BYTES + 1)), tasks)
    assert (status, answer["kind"], tasks.asked) == (413, "Status", [])
    assert served(lambda pod: pod.post(b" " * (TASK_REQUEST_MAX_BYTES - 2) + b"{}"), tasks)[0] == 201


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Refused(403, Refusal.TASK_ACCESS, "words"), 403, "TaskAccess"),
        (ApiError(404, {"reason": "NotFound", "message": "words"}), 404, "NotFound"),
        (ApiError(409, {"reason": "AlreadyExists", "message": "words"}), 409, "AlreadyExists"),
        (ApiError(422, {"reason": "Invalid", "message": "words"}), 422, "Invalid"),
        (ApiError(403, {"reason": "Forbidden", "message": "words"}), 403, "Forbidden"),
        (ApiError(429, {}), 503, "ServiceUnavailable"),
        (ApiError(401, {}), 503, "ServiceUnavailable"),
        (ApiError(500, {}), 503, "ServiceUnavailable"),
        (OSError(), 503, "ServiceUnavailable"),
        (TimeoutError(), 503, "ServiceUnavailable"),
    ],
)
def test_what_is_wrong_is_said_as_the_api_server_says_it(error: Exception, status: int, reason: str) -> None:
    answered, answer = served(lambda pod: pod.ask("GET", f"{PATH}/t1"), Tasks(error))
    assert (answered, answer["kind"], answer["code"], answer["reason"]) == (status, "Status", status, reason)
    if status == 404:
        assert answer["details"] == {"kind": "djangotasks", "name": "t1"}
    if status != 503:
        assert answer["message"] == "words"


def test_a_task_that_exists_is_shown() -> None:
    assert served(lambda pod: pod.post(), Tasks(AlreadyExists(TASK))) == (409, TASK)


# Lists and watches


def test_a_list_is_that_of_the_attempt() -> None:
    tasks = Tasks()
    query = {"limit": "9999999", "fieldSelector": "spec.queue=mail", "labelSelector": "x", "continue": "c"}
    served(lambda pod: pod.ask("GET", query=query), tasks)
    params = {"limit": "500", "continue": "c", "fieldSelector": "spec.queue=mail+own"}
    assert tasks.asked == [("list", "shop", params, "application/json")]


@pytest.mark.parametrize(
    ("accept", "sent"), [(tasks_endpoint.METADATA, tasks_endpoint.METADATA), ("application/yaml", "application/json")]
)
def test_a_list_of_metadata(accept: str, sent: str) -> None:
    tasks = Tasks()
    served(lambda pod: pod.ask("GET", headers=bearer() | {"Accept": accept}), tasks)
    assert tasks.asked[0][3] == sent


def test_a_watch_is_short_and_that_of_the_attempt() -> None:
    tasks = Tasks()
    served(lambda pod: pod.ask("GET", query=WATCH | {"timeoutSeconds": "3600"}), tasks)
    ((verb, _, params, _),) = tasks.asked
    assert (verb, params["resourceVersion"], params["fieldSelector"]) == ("watch", "5", "+own")
    assert params["timeoutSeconds"] == str(tasks_endpoint.WATCH_SECONDS)


@pytest.mark.parametrize(("queue", "warning"), [("mail", '299 - "beware"'), ("other", None)])
def test_who_begins_to_wait_is_warned(queue: str, warning: str | None) -> None:
    async def story(pod: Pod) -> str | None:
        query = WATCH | {"fieldSelector": f"spec.queue={queue}"}
        async with pod._session.get(pod._url + PATH, params=query, headers=bearer()) as response:
            return response.headers.get("Warning")

    assert served(story) == warning


@pytest.mark.parametrize("version", ["", "x", "5&watch=false"])
def test_a_watch_begins_somewhere(version: str) -> None:
    tasks = Tasks()
    status, answer = served(lambda pod: pod.ask("GET", query=WATCH | {"resourceVersion": version}), tasks)
    assert (status, answer["reason"], tasks.asked) == (422, Refusal.INVALID, [])


def test_an_error_of_the_api_server_is_passed_on() -> None:
    tasks = Tasks()

    async def gone(request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "code": 410}, status=410)

    tasks.found = gone
    assert served(lambda pod: pod.ask("GET", query=WATCH), tasks) == (410, {"kind": "Status", "code": 410})


def test_events_come_one_by_one() -> None:
    """Not when the watch ends."""
    tasks, read = Tasks(), asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        await read.wait()
        await response.write(b"second\n")
        return response

    async def story(pod: Pod) -> list[bytes]:
        async with pod._session.get(pod._url + PATH, params=WATCH, headers=bearer()) as response:
            first = await response.content.readline()
            read.set()
            return [first, await response.content.readline(), await response.content.readline()]

    tasks.found = events
    assert served(story, tasks) == [b"first\n", b"second\n", b""]


def test_what_the_api_server_cuts_does_not_look_like_a_whole() -> None:
    tasks = Tasks()

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b'{"items":[]')
        assert request.transport is not None
        request.transport.abort()
        return response

    async def story(pod: Pod) -> None:
        with pytest.raises(aiohttp.ClientError):
            await pod.ask("GET")

    tasks.found = cut
    served(story, tasks)


def test_a_pod_that_has_gone_holds_no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_endpoint, "LOOK_SECONDS", 0.05)
    tasks, ended = Tasks(), asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        try:
            await asyncio.sleep(DEADLINE)
        finally:
            ended.set()
        return response

    async def story(pod: Pod) -> None:
        response = await pod._session.get(pod._url + PATH, params=WATCH, headers=bearer())
        await response.content.readline()
        response.close()
        await asyncio.wait_for(ended.wait(), DEADLINE)

    tasks.found = silent
    served(story, tasks)


# How much, how often
