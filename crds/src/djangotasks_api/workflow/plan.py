"""A workflow's spec, read: its graph, its lists, and where the arguments of its steps come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from djangotasks_api.workflow import json_text
from djangotasks_api.workflow.bounds import POINTER_MAX_CHARS, STEP_INPUTS_MAX
from djangotasks_api.workflow.graph import Graph, InvalidGraph, Runs, Step
from djangotasks_api.workflow.item_texts import ItemTexts
from djangotasks_api.workflow.json_text import InvalidText

# Where the list of a chunk's items is in its payload.
ITEMS_POINTER: Final = "/each"
# What JSON has, of a spec that the API server has validated.
type Spec = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not change while the workflow runs."""

    graph: Graph
    lists: Mapping[str, ItemTexts]
    """The texts of the items of each list."""
    steps: Mapping[str, Spec]
    """The steps as the spec has them."""
    output: Spec
    """What the result is made of; empty where there is none."""

    @classmethod
    def of(cls, spec: Spec) -> Self:
        """Raises InvalidGraph."""
        lists = {each["name"]: _items(each) for each in spec.get("lists") or ()}
        graph = graph_of(spec, {name: len(items) for name, items in lists.items()})
        return cls(graph, lists, {step["name"]: step for step in spec["steps"]}, spec.get("output") or {})


def graph_of(spec: Spec, lengths: Mapping[str, int]) -> Graph:
    """The graph alone, by how many items each list has: for the one who has made the lists. Raises InvalidGraph."""
    graph = Graph([_step(step, lengths) for step in spec["steps"]])
    output = spec.get("output") or {}
    for found in output.get("inputs") or ():
        if found.get("step") not in graph:
            raise InvalidGraph(f"output: takes the result of {found.get('step')}, which is no step")
    _check_places("output", output.get("value", "null"), output)
    return graph


def _items(found: Spec) -> ItemTexts:
    try:
        texts = json_text.items(found["items"])
    except InvalidText as error:
        raise InvalidGraph(f"the list {found['name']} cannot be read: {error}") from error
    if texts is None:
        raise InvalidGraph(f"the list {found['name']} is no list")
    return texts


def _step(spec: Spec, lengths: Mapping[str, int]) -> Step:
    name, source = spec["name"], spec.get("map") or {}
    listed = source.get("list")
    if listed is not None and listed not in lengths:
        raise InvalidGraph(f"{name}: maps over the list {listed}, which is not there")
    if not source and any(found.get("step") is None for found in spec.get("inputs") or ()):
        raise InvalidGraph(f"{name}: takes an item, and is no map")
    _check_places(name, payload_of(spec), spec)
    if source.get("chunk") is not None:
        _check_items(name, spec)
    return Step(
        name=name,
        after=tuple(dict.fromkeys((*(spec.get("after") or ()), *sources_of(spec)))),
        each=source.get("each"),
        over=source.get("over"),
        items=None if listed is None else lengths[listed],
        runs=Runs(spec.get("runs") or Runs.ON_SUCCESS),
        allow_failure=bool(spec.get("allowFailure")),
        chunk=source.get("chunk"),
        max_failed=spec.get("maxFailedIndexes") or 0,
        max_parallel=spec.get("maxParallel"),
        fail_fast=bool(spec.get("failFast")),
    )


def _check_items(name: str, spec: Spec) -> None:
    """A chunk has its items as a list in one place, and each item as a whole."""
    items = [found for found in spec.get("inputs") or () if found.get("step") is None]
    if [(found["into"], found.get("pointer") or "") for found in items] != [(ITEMS_POINTER, "")]:
        raise InvalidGraph(f"{name}: is in chunks, whose items go into {ITEMS_POINTER} as a whole, and nowhere else")


def key_scope(spec: Spec) -> str:
    """What an idempotency key of the workflow belongs to: the function that has drawn it; of a chain or a group, which
    have none, its tasks."""
    return str(spec.get("workflow") or " ".join(str(step.get("task")) for step in spec["steps"]))


def payload_of(step: Spec) -> str:
    return step.get("payload") or '{"args":[],"kwargs":{}}'


def sources_of(spec: Spec) -> Iterator[str]:
    """The steps whose results go into a step, or into the output."""
    return (found["step"] for found in spec.get("inputs") or () if found.get("step") is not None)


def _check_places(name: str, text: str, spec: Spec) -> None:
    inputs = spec.get("inputs") or ()
    if len(inputs) > STEP_INPUTS_MAX:
        raise InvalidGraph(f"{name}: takes {len(inputs):,} results, and may take {STEP_INPUTS_MAX:,}: map over them")
    for place in (found.get(end) or "" for found in inputs for end in ("into", "pointer")):
        if len(place) > POINTER_MAX_CHARS:
            raise InvalidGraph(
                f"{name}: the way {place[:20]}… to a part has {len(place):,} characters, and may have "
                f"{POINTER_MAX_CHARS}"
            )
    try:
        json_text.replaced(text, {found["into"]: "null" for found in inputs})
    except InvalidText as error:
        raise InvalidGraph(f"{name}: its inputs have no place in its arguments: {error}") from error
