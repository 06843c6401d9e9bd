"""The endpoint for inputs, over real HTTP: as the runner reads from it, and as others try to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import aiohttp
import pytest

from djangotasks_api.input_pages import InputPage
from djangotasks_api.items import ItemsReport
from djangotasks_api.refusals import Refusal
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports import inputs_endpoint
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.input_requests import START, Cursor
from djangotasks_operator.reports.intake import NAMESPACE_MAX_BYTES
from djangotasks_operator.reports.task_limits import MEASURES
from djangotasks_operator.reports.task_rules import Refused
from djangotasks_operator.runtime.errors import ApiError
from tests.unit.operator.harness import until
from tests.unit.operator.reports.serving import LOCAL, bearer, serving

pytestmark = pytest.mark.thorough

PATH = "/v1/attempts/shop/a/u/1/inputs"
ATTEMPT = AttemptRef(Key("shop", "a"), "u", 1)
PAGE = InputPage(results={0: "[1.10]", 2: '"é\\ud800"'}, width=3)
ITEMS = ItemsReport(completed="0,2", result='[1.10,null,"\\ud800"]')
TOKEN = bearer()


class Found:
    """In place of a request."""

    def __init__(self, size: int) -> None:
        self.bytes = size


class Inputs:
    """In place of InputRequests. `error`: what each request ends with."""

    def __init__(self, error: Exception | None = None, size: int = 0, page: InputPage = PAGE) -> None:
        self.error = error
        self.answer = page
        self.size = size
        self.asked: list[Any] = []
        self.running = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def inputs(self, attempt: AttemptRef) -> list[dict[str, str]]:
        return await self._do([{"into": "/args/0"}], attempt)

    async def find(self, attempt: AttemptRef, number: int) -> Found:
        return await self._do(Found(self.size), attempt, number)

    async def items(self, attempt: AttemptRef) -> ItemsReport:
        return await self._do(ITEMS, attempt)

    async def page(self, found: Found, begin: Cursor) -> InputPage:
        return await self._do(self.answer, begin)

    async def _do[Answer](self, answer: Answer, *asked: Any) -> Answer:
        self.asked.append(asked)
        self.running += 1
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return answer


type Ask = Callable[..., Coroutine[Any, Any, tuple[int, bytes]]]


@contextlib.asynccontextmanager
async def served(inputs: Inputs) -> AsyncIterator[Ask]:
    async with serving(inputs=inputs) as port, aiohttp.ClientSession() as session:

        async def ask(path: str = f"{PATH}/0", token: str = TOKEN) -> tuple[int, bytes]:
            url = f"http://{LOCAL}:{port}{path}"
            async with session.get(url, headers={"Authorization": token}) as answer:
                return answer.status, await answer.read()

        yield ask


def asked(*paths: str, inputs: Inputs | None = None, token: str = TOKEN) -> list[tuple[int, bytes]]:
    """The answers to requests, one after the other."""

    async def run() -> list[tuple[int, bytes]]:
        async with served(inputs or Inputs()) as ask:
            return [await ask(path, token) for path in paths]

    return asyncio.run(run())


def test_what_earlier_attempts_have_left_is_read_exactly() -> None:
    inputs = Inputs()
    ((status, text),) = asked(PATH.replace("inputs", "items"), inputs=inputs)
    assert (status, ItemsReport.from_json(text), inputs.asked) == (200, ITEMS, [(ATTEMPT,)])


def test_inputs_are_listed_and_read_exactly() -> None:
    inputs = Inputs()
    (listed, read, following) = asked(PATH, f"{PATH}/7", f"{PATH}/7?continue=0.2.500.x%2By", inputs=inputs)
    assert listed == (200, b'{"inputs": [{"into": "/args/0"}]}')
    assert (read[0], InputPage.parse(read[1])) == (200, PAGE)
    assert following == read
    assert inputs.asked == [(ATTEMPT,), (ATTEMPT, 7), (START,), (ATTEMPT, 7), (Cursor(0, 2, "500.x+y"),)]


@pytest.mark.parametrize("path", [PATH, f"{PATH}/0", f"{PATH}/0?continue=0.2.x"])
@pytest.mark.parametrize("token", ["", "Bearer ", bearer(attempt=2), f"Bearer {sign(b'j' * 32, 'shop', 'u', 1)}"])
def test_a_token_of_another_is_refused(path: str, token: str) -> None:
    inputs = Inputs()
    ((status, _),) = asked(path, inputs=inputs, token=token)
    assert (status, inputs.asked) == (401, [])


def test_a_right_token_beside_an_invented_name_is_refused() -> None:
    """The token does not sign the name: otherwise each would be a request to the API server, and have its own limits."""
    inputs, invented = Inputs(), PATH.replace("/a/", "/invented/")
    assert invented != PATH
    answers = asked(PATH, invented, f"{invented}/0", inputs=inputs)
    assert [status for status, _ in answers] == [200, 401, 401]
    assert inputs.asked == [(ATTEMPT,)]


@pytest.mark.parametrize("path", [f"{PATH}/x", f"{PATH}/-1", f"{PATH}/1234567", f"{PATH}/0/tasks", f"{PATH}/..%2F0"])
def test_what_is_no_number_is_not_found(path: str) -> None:
    assert asked(path)[0][0] == 404


@pytest.mark.parametrize(
    ("error", "path", "status"),
    [
        (Refused(410, Refusal.INPUT_UNAVAILABLE, "flow-a was deleted"), f"{PATH}/0", 410),
        (Refused(403, Refusal.ATTEMPT_ENDED, "ended"), PATH, 403),
        (ApiError(503, {}), f"{PATH}/0", 503),
        (ApiError(429, {}), f"{PATH}/0", 503),
        (ConnectionError(), f"{PATH}/0", 503),
        (TimeoutError(), f"{PATH}/0", 503),
    ],
)
def test_errors_say_whether_to_ask_again(error: Exception, path: str, status: int) -> None:
    assert asked(path, inputs=Inputs(error))[0][0] == status


@pytest.mark.parametrize("code", [400, 410])
def test_a_list_that_has_expired_is_read_from_its_start(code: int) -> None:
    class Expired(Inputs):
        async def page(self, found: Found, begin: Cursor) -> InputPage:
            raise ApiError(code, {"reason": "Expired"})

    assert asked(f"{PATH}/0?continue=0.2.x", inputs=Expired())[0][0] == 409
    assert asked(f"{PATH}/0", inputs=Expired())[0][0] == code


def test_a_cursor_that_is_none_is_refused() -> None:
    assert asked(f"{PATH}/0?continue=x")[0][0] == 422


def test_an_attempt_has_few_requests_at_once() -> None:
    async def run() -> list[int]:
        inputs = Inputs()
        inputs.go_on.clear()
        async with served(inputs) as ask, asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask()) for _ in range(MEASURES["input"].in_flight + 1)]
            async with asyncio.timeout(30):
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            inputs.go_on.set()
        return sorted(task.result()[0] for task in tasks)

    statuses = asyncio.run(run())
    assert (statuses[-1], statuses.count(429)) == (429, 1)


def test_what_is_read_at_once_has_a_bound() -> None:
    """With that of large reports: so an operator's memory is enough."""

    async def run() -> tuple[int, int]:
        inputs = Inputs(size=NAMESPACE_MAX_BYTES)
        async with served(inputs) as ask:
            first = asyncio.create_task(ask())
            async with asyncio.timeout(30):
                await first
            alone = (await first)[0]
        inputs.size += 1
        async with served(inputs) as ask:
            return alone, (await ask())[0]

    assert asyncio.run(run()) == (200, 503)


def test_who_reads_a_page_slowly_holds_its_memory_for_a_while_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs_endpoint, "SENDING_SECONDS", 0.2)
    large = InputPage(results=dict.fromkeys(range(64), f'"{"x" * 1024 * 1024}"'), width=64)

    async def run() -> int:
        inputs = Inputs(size=NAMESPACE_MAX_BYTES, page=large)
        async with serving(inputs=inputs) as port, aiohttp.ClientSession() as session:
            _, writer = await asyncio.open_connection(LOCAL, port, limit=1)
            writer.write(f"GET {PATH}/0 HTTP/1.1\r\nHost: x\r\nAuthorization: {TOKEN}\r\n\r\n".encode())
            await until(lambda: inputs.running > 0)
            inputs.answer = PAGE
            statuses: list[int] = []
            async with asyncio.timeout(20):
                while not statuses or statuses[-1] != 200:
                    url = f"http://{LOCAL}:{port}{PATH}/0"
                    async with session.get(url, headers={"Authorization": TOKEN}) as answer:
                        statuses.append(answer.status)
                        await answer.read()
            writer.close()
        assert statuses[0] == 503, "it is held at first"
        return statuses[-1]

    assert asyncio.run(run()) == 200
