"""What a chunk's pod gets of the results that it takes, on the API server of the model check."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.input_pages import InputPage
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.workflow.bounds import STEP_INPUTS_MAX_BYTES
from tests.unit.operator.reports.input_story import Story
from tests.unit.operator.workflow_stage import mapped, step


def chunked(name: str, **source: Any) -> dict[str, Any]:
    made = step(name, inputs={"/each": None}, map={"chunk": 2, **source}, maxFailedIndexes=9)
    return made | {"payload": '{"each":null,"args":[],"kwargs":{}}'}


BIG = "x" * STEP_INPUTS_MAX_BYTES


def chunks() -> Story:
    """A map in chunks whose first has failed in part, with large results, and all that may follow it."""
    story = Story(
        chunked("map", list="list"),
        chunked("same", each="map"),
        step("own", None, map={"each": "map"}, inputs={"/args/0": None}),
        step("sum", None, inputs={"/args/0": "map"}),
        lists=[mapped(5)],
    )
    story.stage.end("map-00000", None, {"items": {"completed": "1", "failed": "0"}, "result": f'[null,"{BIG}"]'})
    return story


def test_a_chunk_that_follows_another_reads_what_succeeded_there() -> None:
    story = chunks()
    assert story.stage.spec("same-00000")["chunk"] == {"size": 2, "only": "1"}
    page = InputPage(results={0: f'[null,"{BIG}"]'}, width=2, chunk=2, indexes="1")
    assert story.pages("same-00000") == [page]
    story.stage.end("map-00001", f'["{BIG}",3]')
    assert story.pages("same-00001") == [
        InputPage(results={1: f'["{BIG}",3]'}, width=2, first=2, chunk=2, indexes="2-3")
    ]


def test_an_item_of_a_chunk_is_one_of_its_result() -> None:
    story = chunks()
    assert "own-00000" not in story.stage.tasks()
    assert story.pages("own-00001") == [InputPage(results={0: f'[null,"{BIG}"]'}, item=1)]


def test_a_map_in_chunks_is_what_succeeded_of_it() -> None:
    story = chunks()
    story.stage.end("map-00001", f'["{BIG}",3]')
    story.stage.end("map-00002", "[4]")
    (page,) = story.pages("sum")
    assert (list(page.results), page.width, page.chunk, page.indexes) == ([0, 1, 2], 5, 2, "1-4")


def test_a_chunk_of_a_large_list_reads_a_part_of_it() -> None:
    story = Story(step("a"), chunked("map", over="a"))
    story.stage.end("a", f'[1,2,3,"{BIG}"]')
    assert story.pages("map-00001") == [InputPage(results={0: f'[1,2,3,"{BIG}"]'}, item=2, count=2)]


def test_a_chunk_that_is_not_recorded_yet_is_asked_for_again() -> None:
    story = chunks()
    story.server.update(TASK_PLURAL, "flow-same-00000", {"spec": {"chunk": {"size": 2, "only": "0-1"}}})
    with pytest.raises(TimeoutError):
        story.pages("same-00000")
