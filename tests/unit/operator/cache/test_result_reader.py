"""Results of any size are read in bounded memory, and no others."""

from __future__ import annotations

from typing import Any, cast

import pytest

from djangotasks_api.names import STEP_LABEL, TASK_PLURAL, WORKFLOW_LABEL
from djangotasks_api.stored import TextRef
from djangotasks_operator.cache import result_reader
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.result_reader import ResultReader, ResultUnavailable
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.decoding import UnreadableAnswer
from tests.support.builders import NAMESPACE
from tests.unit.operator.model.calls import Calls, run
from tests.unit.operator.model.server import ApiServer, Clock

FILE = {"storage": "tasks", "name": "djangotasks/shop/a", "size": 1, "sha256": "0" * 64}
FLOW = Key(NAMESPACE, "flow")


class Story:
    def __init__(self) -> None:
        self.api = Calls(ApiServer(Clock()))
        self.reader = ResultReader(cast(Api, self.api))

    def put(self, index: int | None, step: str = "map", uid: str = "u", name: str | None = None, **status: Any) -> str:
        """A task of the workflow, which has succeeded with 1 by default."""
        name = name or f"flow-{step}" + ("" if index is None else f"-{index:05}")
        self.api.server.create(
            TASK_PLURAL,
            {
                "metadata": {"name": name, "labels": {WORKFLOW_LABEL: "flow", STEP_LABEL: step}},
                "spec": {"workflow": {"name": "flow", "uid": uid, "step": step, "index": index}},
                "status": {"phase": "Succeeded", "result": "1", **status},
            },
        )
        return name

    def all(self) -> list[tuple[int, Any]]:
        async def read() -> list[tuple[int, Any]]:
            return [found async for page in self.reader.pages(FLOW, "u", "map") for found in page.items()]

        return run(read())


def test_a_map_is_read_page_by_page_in_the_order_of_its_indexes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_reader, "PAGE_MAX", 3)
    story = Story()
    for index in (6, 0, 2, 5, 3, 1, 4):
        story.put(index, result=str(index))
    assert story.all() == [(index, str(index)) for index in range(7)]
    assert story.api.requests == ["list djangotasks"] * 3


def test_pages_that_are_too_large_have_fewer_tasks_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_reader, "PAGE_MAX_BYTES", 4000)
    story = Story()
    for index in range(20):
        story.put(index, result="x" * 1000)
    assert [index for index, _ in story.all()] == list(range(20))
    # 500, 125, 31 and 7 at once are too many, and 1 is read in any case.
    assert len(story.api.requests) == 4 + 20


def test_one_task_that_is_larger_than_a_page_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result_reader, "PAGE_MAX_BYTES", 10)
    story = Story()
    story.put(0)
    assert story.all() == [(0, "1")]


@pytest.mark.parametrize(
    "task",
    [
        {"uid": "another"},
        {"step": "other"},
        {"phase": "Failed"},
        {"phase": None},
        {"result": None},
        {"result": None, "resultRef": {"storage": "tasks"}},
        {"index": None},
        {"index": 0, "name": "evil"},
    ],
)
def test_what_is_no_result_of_the_map_is_left_out(task: dict[str, Any]) -> None:
    story = Story()
    story.put(0)
    name = story.put(**cast(Any, {"index": 1, "result": "2"} | task))
    story.api.server.update(TASK_PLURAL, name, {"metadata": {"labels": {STEP_LABEL: "map"}}})
    assert story.all() == [(0, "1")]


def test_a_result_in_a_storage_is_named() -> None:
    story = Story()
    story.put(0, result=None, resultRef=FILE)
    name = story.put(None, "lone", result=None, resultRef=FILE)
    assert story.all() == [(0, TextRef.from_data(FILE))]
    assert run(story.reader.one(Key(NAMESPACE, name), "u")) == TextRef.from_data(FILE)


@pytest.mark.parametrize("token", ["", "0.x", "nonsense", "9999.", "²."])
def test_a_token_of_anybody_is_no_harm(token: str) -> None:
    story = Story()
    story.put(0)
    assert len(run(story.reader.page(FLOW, "u", "map", token)).results) <= 1


def test_an_answer_that_is_no_list_is_an_error() -> None:
    class Proxy(Calls):
        async def list_page(self, *_: Any) -> bytes | None:
            return b"<html>"

    reader = ResultReader(cast(Api, Proxy(ApiServer(Clock()))))
    with pytest.raises(UnreadableAnswer):
        run(reader.page(FLOW, "u", "map"))


@pytest.mark.parametrize(
    ("name", "uid", "words"),
    [
        ("flow-gone", "u", "flow-gone was deleted"),
        ("flow-lone", "another", "flow-lone was deleted"),
        ("flow-none", "u", "flow-none has no result"),
    ],
)
def test_a_result_that_is_not_there_is_named(name: str, uid: str, words: str) -> None:
    story = Story()
    story.put(None, "lone")
    story.put(None, "none", phase="Running")
    with pytest.raises(ResultUnavailable, match=words):
        run(story.reader.one(Key(NAMESPACE, name), uid))
