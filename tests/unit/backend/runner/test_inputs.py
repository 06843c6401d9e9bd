"""Inputs that are not in the payload: the runner reads them from the operator and from STORAGES, and waits for both."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_tasks_kubernetes.runner import inputs as runner_inputs
from django_tasks_kubernetes.storage import files
from django_tasks_kubernetes.storage.files import Files
from djangotasks_api.assignment import INPUTS_ENCODING, Assignment
from djangotasks_api.input_pages import InputPage
from djangotasks_api.phases import Reason
from djangotasks_api.stored import TextRef
from tests.unit.backend.large_data import limited
from tests.unit.backend.pod import Pod
from tests.unit.backend.runner.conftest import Run
from tests.unit.backend.web_server import Answer, Request
from tests.unit.crds.workflow.test_json_text import EXACT

type Pages = Mapping[int, InputPage | list[InputPage]]
TEXT = '{"id":9223372036854775809, "rate":1.10,"s":"\\ud800"}'


class Operator:
    """Answers for the inputs of one task. `troubles`: answers that come first."""

    def __init__(self, pod: Pod, inputs: list[dict[str, str]], pages: Pages, *troubles: Answer) -> None:
        self.inputs = inputs
        self.pages = {number: page if isinstance(page, list) else [page] for number, page in pages.items()}
        self.troubles: Iterator[Answer] = iter(troubles)
        self.asked: list[str] = []
        pod.server.answer = self.answer

    def answer(self, request: Request) -> Answer:
        if request.method != "GET":
            return 200, {}, {}
        assert request.headers["authorization"] == "Bearer the-token"
        path, query = urlsplit(request.path).path, parse_qs(urlsplit(request.path).query)
        what = path.removeprefix("/v1/attempts/shop/t1/u-1/2/")
        self.asked.append(what + "".join(f"?{value}" for value in query.get("continue", ())))
        for trouble in self.troubles:
            return trouble
        if what == "inputs":
            return 200, {"inputs": self.inputs}, {}
        page = self.pages[int(what.removeprefix("inputs/"))][int(query.get("continue", ["0"])[0])]
        return 200, b"".join(page.lines()), {}


def payload(count: int = 1) -> str:
    return json.dumps({"args": [None] * count, "kwargs": {}}, separators=(",", ":"))


@pytest.fixture
def fill(pod: Pod) -> Callable[[int], str]:
    """The payload of the task with its inputs."""

    def fill(count: int = 1) -> str:
        environ = pod.environ("echo", payload=payload(count), payload_encoding=INPUTS_ENCODING)
        return runner_inputs.fill(Assignment.from_environ(environ), "default")

    return fill


@pytest.fixture
def failure(run: Run, pod: Pod) -> Callable[[], tuple[str, bool, str]]:
    """The reason for which the task is not called, whether that is tried again, and the words."""

    def failure() -> tuple[str, bool, str]:
        assert run("echo", payload=payload(), payload_encoding=INPUTS_ENCODING) == 1
        outcome = pod.outcome
        assert outcome.error is not None
        assert outcome.reason is not None
        assert outcome.started_at is None
        return outcome.reason.value, outcome.retryable, outcome.error.headline

    return failure


def test_a_task_is_called_with_its_inputs(run: Run, pod: Pod) -> None:
    Operator(pod, [{"into": "/args/0", "step": "a"}], {0: InputPage(results={0: "[1]"})})
    assert run("echo", payload=payload(), payload_encoding=INPUTS_ENCODING) == 0
    assert pod.outcome.result == '{"args":[[1]],"kwargs":{}}'


def test_inputs_are_whole_results_lists_parts_and_items(fill: Callable[..., str], pod: Pod) -> None:
    inputs = [
        {"into": "/args/0", "step": "a"},
        {"into": "/args/1", "step": "map"},
        {"into": "/args/2", "step": "a", "pointer": "/rate"},
        {"into": "/args/3"},
    ]
    pages = {
        0: InputPage(results={0: TEXT}),
        1: InputPage(results={2: '"c"', 0: "1"}, width=4),
        3: InputPage(results={0: f"[1, {TEXT}]"}, item=1),
    }
    operator = Operator(pod, inputs, pages)
    assert fill(4) == f'{{"args":[{TEXT},[1,null,"c",null],1.10,{TEXT}],"kwargs":{{}}}}'
    assert operator.asked == ["inputs", "inputs/0", "inputs/1", "inputs/3"], "each result is read once"


def test_results_of_chunks_are_those_of_their_items(fill: Callable[..., str], pod: Pod) -> None:
    inputs = [{"into": "/args/0", "step": "map"}, {"into": "/args/1"}, {"into": "/args/2", "step": "other"}]
    pages: Pages = {
        # Of a retry: the first chunk ran in part before, and in part now.
        0: [
            InputPage(results={0: f"[null,{TEXT}]", 1: "[3]"}, width=3, chunk=2, indexes="1-2", following="1"),
            InputPage(results={0: "[1.10,null]"}, width=3, chunk=2, indexes="0"),
        ],
        1: InputPage(results={0: "[1, 2.50, 3, 4]"}, item=1, count=2),
        2: InputPage(results={1: "[null,7]"}, width=2, first=2, chunk=2, indexes="3"),
    }
    Operator(pod, inputs, pages)
    assert fill(3) == f'{{"args":[[1.10,{TEXT},3],[2.50,3],[null,7]],"kwargs":{{}}}}'


@given(st.lists(st.none() | st.sampled_from(EXACT), max_size=12), st.integers(1, 5))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_results_of_a_map_are_exact_in_any_pages(
    fill: Callable[..., str], pod: Pod, texts: list[str | None], size: int
) -> None:
    found = [(index, text) for index, text in enumerate(texts) if text is not None]
    cut = [dict(found[first : first + size]) for first in range(0, len(found), size)] or [{}]
    pages = [
        InputPage(results=results, width=len(texts), following=None if number == len(cut) else str(number))
        for number, results in enumerate(cut, 1)
    ]
    Operator(pod, [{"into": "/args/0", "step": "map"}], {0: pages})
    assert fill() == f'{{"args":[[{",".join(text or "null" for text in texts)}]],"kwargs":{{}}}}'


def test_a_step_without_a_result_is_null(fill: Callable[..., str], pod: Pod) -> None:
    Operator(pod, [{"into": "/args/0", "step": "a"}], {0: InputPage(results={})})
    assert fill() == payload()


def test_results_in_a_storage_are_read_from_there(fill: Callable[..., str], pod: Pod, storage: Path) -> None:
    refs = [Files("tasks", 1000).write("shop", f"t{n}", "result-1", text) for n, text in enumerate(["1.10", '"b"'])]
    Operator(pod, [{"into": "/args/0", "step": "map"}], {0: InputPage(results=dict(enumerate(refs)), width=3)})
    assert fill() == '{"args":[[1.10,"b",null]],"kwargs":{}}'


@pytest.mark.parametrize(
    ("spoil", "words", "retryable"),
    [
        (lambda path: path.unlink(), "is not there", True),
        (lambda path: path.write_text("{}"), "is not what was stored", False),
    ],
    ids=["gone", "changed"],
)
def test_a_result_that_the_storage_does_not_give_is_unavailable(
    failure: Any, pod: Pod, storage: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, words: str, retryable: bool
) -> None:
    for wait in ("RETRY_WAIT_SECONDS", "RETRY_WAIT_MAX_SECONDS"):
        monkeypatch.setattr(files, wait, math.inf)
    ref = Files("tasks", 1000).write("shop", "t0", "result-1", "[1]")
    spoil(storage / ref.name)
    Operator(pod, [{"into": "/args/0", "step": "a"}], {0: InputPage(results={0: ref})})
    reason, again, said = failure()
    assert (reason, again) == (Reason.INPUT_UNAVAILABLE, retryable)
    assert words in said


@pytest.mark.parametrize("where", ["operator", "storage"])
def test_results_have_a_bound_together(failure: Any, pod: Pod, where: str) -> None:
    ref = TextRef(storage="tasks", name="djangotasks/shop/t0.result-1", size=80, sha256="0" * 64)
    found: str | TextRef = ref if where == "storage" else json.dumps("x" * 78)
    Operator(
        pod, [{"into": "/args/0", "step": "map"}], {0: InputPage(results={0: json.dumps("x" * 28), 1: found}, width=2)}
    )
    with limited(STORAGE_MAX_BYTES=100):
        reason, again, words = failure()
    assert (reason, again) == (Reason.INPUT_TOO_LARGE, False)
    assert "100 bytes together" in words


@pytest.mark.parametrize(
    ("inputs", "page", "words"),
    [
        ({"step": "a"}, InputPage(results={0: "1, 2"}), "no JSON"),
        ({"step": "map"}, InputPage(results={0: "1", 1: "2],[3"}, width=2), "no JSON"),
        ({"step": "a", "pointer": "/x"}, InputPage(results={0: "{}"}), "The result of a has nothing at /x"),
        ({"pointer": "/x"}, InputPage(results={0: "[{}]"}, item=0), "The item has nothing at /x"),
        ({}, InputPage(results={0: "[1]"}, item=1), "no item 1"),
        ({}, InputPage(results={0: '{"1": 2}'}, item=1), "no item 1"),
        ({"into": "/args/1", "step": "a"}, InputPage(results={0: "1"}), "no place"),
    ],
)
def test_what_cannot_be_an_argument_is_unavailable(
    failure: Any, pod: Pod, inputs: dict[str, str], page: InputPage, words: str
) -> None:
    Operator(pod, [{"into": "/args/0"} | inputs], {0: page})
    reason, again, said = failure()
    assert (reason, again) == (Reason.INPUT_UNAVAILABLE, False)
    assert words in said


@pytest.mark.parametrize(
    ("status", "words"), [(410, "flow-a was deleted"), (403, "not this task's"), (422, "no place")]
)
def test_what_the_operator_refuses_is_unavailable(failure: Any, pod: Pod, status: int, words: str) -> None:
    Operator(pod, [], {}, (status, {"message": words}, {}))
    reason, again, said = failure()
    assert (reason, again) == (Reason.INPUT_UNAVAILABLE, False)
    assert words in said


@pytest.mark.parametrize("trouble", [None, (503, {}, {}), (429, {}, {}), (401, {}, {}), (404, {}, {}), (500, {}, {})])
def test_an_operator_that_is_away_is_waited_for(fill: Callable[..., str], pod: Pod, trouble: Answer) -> None:
    """Also one whose key is changed, and one that is older than inputs, while it is upgraded."""
    operator = Operator(pod, [{"into": "/args/0", "step": "a"}], {0: InputPage(results={0: "1"})}, trouble, trouble)
    assert fill() == '{"args":[1],"kwargs":{}}'
    assert operator.asked == ["inputs"] * 3 + ["inputs/0"]


def test_an_operator_that_stays_away_fails_the_attempt_alone(
    failure: Any, pod: Pod, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_inputs, "WAIT_SECONDS", 0.3)
    pod.server.answer = lambda request: (503 if request.method == "GET" else 200, {}, {})
    reason, again, words = failure()
    assert (reason, again) == (Reason.INPUT_UNAVAILABLE, True)
    assert "did not answer" in words


def test_a_list_that_has_expired_is_read_again(fill: Callable[..., str], pod: Pod) -> None:
    """And what was read of it counts once."""

    class Expiring(Operator):
        def answer(self, request: Request) -> Answer:
            found = super().answer(request)
            return (409, {}, {}) if self.asked[-1:] == ["inputs/0?1"] and self.asked.count("inputs/0?1") == 1 else found

    text = json.dumps("x" * 40)
    pages = [InputPage(results={0: text}, width=2, following="1"), InputPage(results={1: text}, width=2)]
    operator = Expiring(pod, [{"into": "/args/0", "step": "map"}], {0: pages})
    with limited(STORAGE_MAX_BYTES=90):
        assert fill() == f'{{"args":[[{text},{text}]],"kwargs":{{}}}}'
    assert operator.asked == ["inputs", "inputs/0", "inputs/0?1", "inputs/0", "inputs/0?1"]


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"inputs":'])
def test_an_answer_that_is_none_is_unavailable(failure: Any, pod: Pod, answer: bytes) -> None:
    pod.server.answer = lambda request: (200, answer if request.method == "GET" else {}, {})
    reason, again, words = failure()
    assert (reason, again) == (Reason.INPUT_UNAVAILABLE, False)
    assert "cannot be read" in words


def test_an_image_that_knows_no_inputs_calls_nothing(run: Run, pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older runner takes the payload for one that it cannot decompress."""
    monkeypatch.setattr("django_tasks_kubernetes.runner.prepare.INPUTS_ENCODING", "none")
    assert run("echo", payload=payload(), payload_encoding=INPUTS_ENCODING) == 1
    assert (pod.outcome.reason, pod.outcome.retryable) == (Reason.INVALID_PAYLOAD, False)
    assert pod.outcome.error is not None
    assert "the image is too old" in pod.outcome.error.headline
