"""The results of steps as arguments of others, exact to the character."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from djangotasks_api.workflow import json_text
from djangotasks_api.workflow.bounds import ITEM_MAX_BYTES, STEP_INPUTS_MAX_BYTES, WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import tasks_known
from djangotasks_api.workflow.item_texts import ItemTexts
from djangotasks_api.workflow.json_text import InvalidText
from djangotasks_api.workflow.plan import Plan, Spec, payload_of
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import Record, StepPhase, StepReason


class StepItem(NamedTuple):
    """One result of a step."""

    step: str
    number: int
    """Its index; 0 where the step is no map."""


type Records = Callable[[str], Record]
# The text of each result that was read.
type Results = Mapping[StepItem, str]


class InputError(Exception):
    """A task can never be created, because of what it takes from others. The message says why."""

    def __init__(self, reason: StepReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a step's task."""

    payload: str
    left: Sequence[Spec] = ()
    """The inputs that are not in it: the task's pod reads them."""
    chunk: Spec | None = None
    """The spec.chunk of the DjangoTask, where it is one."""


def takes_item(step: Spec) -> bool:
    """Whether the tasks of a map take their items as arguments."""
    return any(each.get("step") is None for each in step.get("inputs") or ())


def task_of(plan: Plan, item: StepItem) -> StepTask:
    """The task that has the result."""
    return StepTask(item.step, plan.graph[item.step].task_of(item.number))


def results_in(plan: Plan, task: StepTask, text: str) -> dict[StepItem, str]:
    """The results that the text of a task's result has: one, or of a chunk those of its items. Raises InputError."""
    step = plan.graph[task.step]
    if step.chunk is None:
        return {StepItem(task.step, task.number): text}
    # A list that is longer is somebody's input, too.
    found = zip(step.indexes_of(task.number, None), list_items(text) or (), strict=False)
    return {StepItem(task.step, index): result for index, result in found}


def result_in(plan: Plan, item: StepItem, text: str) -> str:
    """The result of an item. `text`: the result of its task. Raises InputError."""
    if (found := results_in(plan, task_of(plan, item), text).get(item)) is None:
        raise InputError(StepReason.INPUT_UNAVAILABLE, f"The result of {item.step} has no item {item.number}.")
    return found


def chunk_of(plan: Plan, task: StepTask, records: Records) -> Spec | None:
    """The spec.chunk of a task: how many items it has, and which of them are to run. None where it is no chunk."""
    step, record = plan.graph[task.step], records(task.step)
    if step.chunk is None:
        return None
    indexes = step.indexes_of(task.number, record.width)
    before = None if step.each is None else records(step.each).completed
    only = [
        place
        for place, index in enumerate(indexes)
        if index not in record.completed and index not in record.failed and (before is None or index in before)
    ]
    return {"size": len(indexes)} | ({} if len(only) == len(indexes) else {"only": str(Indexes(only))})


def item_sources(plan: Plan, task: StepTask, records: Records) -> list[StepItem]:
    """The results that are the items of a task, or have them among others. Empty where the workflow has a list."""
    step = plan.graph[task.step]
    if step.over is not None:
        return [StepItem(step.over, 0)]
    if step.each is None:
        return []
    completed = records(step.each).completed
    indexes = step.indexes_of(task.number, records(task.step).width)
    return [StepItem(step.each, index) for index in indexes if index in completed]


def item(plan: Plan, task: StepTask, results: Results, records: Records) -> str:
    """The item of a task; of a chunk, the list of them. `results`: of its `item_sources`. Raises InputError."""
    step = plan.graph[task.step]
    if step.over is not None:
        return item_of(plan, task, list_items(results[StepItem(step.over, 0)]) or ())
    if step.each is None:
        return listed_item(plan, task)
    if step.chunk is None:
        return results[StepItem(step.each, task.number)]
    indexes = step.indexes_of(task.number, records(task.step).width)
    return _list(results.get(StepItem(step.each, index), "null") for index in indexes)


def item_of(plan: Plan, task: StepTask, items: Sequence[str]) -> str:
    """The item of a task that maps over these; of a chunk, the list of them. Raises InputError."""
    step, number = plan.graph[task.step], task.number
    indexes = step.indexes_of(number, len(items))
    if not indexes:
        raise InputError(StepReason.INPUT_UNAVAILABLE, f"The list has no item {indexes.start} any more.")
    return items[number] if step.chunk is None else _list(items[indexes.start : indexes.stop])


def listed_item(plan: Plan, task: StepTask) -> str:
    """The same of a task that maps over a list of the workflow."""
    return item_of(plan, task, plan.lists[plan.steps[task.step]["map"]["list"]])


def needed(plan: Plan, inputs: Sequence[Spec], records: Records) -> list[StepItem]:
    """The results that must be read for these inputs, the item apart. Results that a step does not have are null, and
    need not be read."""
    return [item for source in by_source(inputs) if source is not None for item in _items(plan, source, records)]


def by_source(inputs: Sequence[Spec]) -> dict[str | None, list[Spec]]:
    """The inputs of each step, and those that are the item (None): a result is read, and gone through, once."""
    found: dict[str | None, list[Spec]] = {}
    for each in inputs:
        found.setdefault(each.get("step"), []).append(each)
    return found


def values(
    plan: Plan, inputs: Sequence[Spec], records: Records, results: Results, item: str | None = None
) -> dict[str, str]:
    """What goes where in a text; without the inputs of which a result was not read. `item`: the item that a task is
    for, where it was. Raises InputError."""
    found: dict[str, str] = {}
    for source, taken in by_source(inputs).items():
        text = item if source is None else _result(plan, source, records, results)
        if text is not None:
            found |= _parts(text, taken, source)
    return found


def placed(step: Spec, found: Mapping[str, str]) -> Arguments:
    """The arguments of a step's task: as many of the values in its payload as it may have there, in their order. An
    item of a list of the workflow must be there. Raises InputError."""
    parts: dict[str, str] = {}
    left: list[Spec] = []
    size = 0
    # What must be in it comes first.
    for each in sorted(step.get("inputs") or (), key=lambda each: not _is_listed(step, each)):
        text = found.get(each["into"])
        bytes_ = 0 if text is None else len(text.encode("utf-8", "surrogatepass"))
        if text is None or not (size + bytes_ <= STEP_INPUTS_MAX_BYTES or _is_listed(step, each)):
            left.append({name: value for name, value in each.items() if value})
        else:
            parts[each["into"]] = text
            size += bytes_
    if size > ITEM_MAX_BYTES:
        raise InputError(
            StepReason.INPUT_TOO_LARGE,
            f"An item of a list of the workflow may have {ITEM_MAX_BYTES // 1024} KiB as an argument. Map over primary "
            "keys or file names, or return the list from a step.",
        )
    return Arguments(filled(payload_of(step), parts), left)


def filled(text: str, parts: Mapping[str, str]) -> str:
    """The text with the values in their places. Raises InputError where a value is no JSON."""
    for value in parts.values():
        _checked(json_text.check, value)
    return json_text.replaced(text, parts)


def list_items(result: str) -> ItemTexts | None:
    """The items of a result that is mapped over; None where it is no list."""
    try:
        return json_text.items(result)
    except InvalidText:
        return None


def check_length(plan: Plan, records: Records, step: str, length: int | None) -> None:
    """Raises InputError where the result of the step is a list of this length, and the maps over it would have more
    tasks than the workflow may have. None: it is no list."""
    if length is None:
        return
    widths: dict[str, int] = {}
    for each in plan.graph:
        known = records(each.name)
        if known.width is not None or known.phase.is_over:
            widths[each.name] = 1 if known.width is None else known.width
        elif each.over == step:
            widths[each.name] = length
    if (tasks := tasks_known(plan.graph, widths)) > WORKFLOW_TASKS_MAX:
        most = f"{WORKFLOW_TASKS_MAX:,}"
        words = f"With a list of {length:,} items the workflow has {tasks:,} tasks, and may have {most}."
        raise InputError(StepReason.INPUT_TOO_LARGE, words)


def _is_listed(step: Spec, each: Spec) -> bool:
    """Whether an input is an item of a list that the workflow has."""
    return each.get("step") is None and "list" in (step.get("map") or {})


def _items(plan: Plan, step: str, records: Records) -> list[StepItem]:
    record = records(step)
    if plan.graph[step].is_map:
        return [StepItem(step, index) for index in record.completed]
    return [StepItem(step, 0)] if record.phase is StepPhase.SUCCEEDED else []


def _list(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"


def _result(plan: Plan, step: str, records: Records, results: Results) -> str | None:
    """None where one of the results that it is made of was not read."""
    record = records(step)
    if not plan.graph[step].is_map:
        return results.get(StepItem(step, 0)) if record.phase is StepPhase.SUCCEEDED else "null"
    if record.width is None:
        return "null"
    texts: list[str] = []
    for index in range(record.width):
        text = results.get(StepItem(step, index)) if index in record.completed else "null"
        if text is None:
            return None
        # Each by itself: between others, "1, 2" would be two.
        _checked(json_text.check, text)
        texts.append(text)
    return _list(texts)


def part(text: str, pointer: str, source: str | None) -> str:
    """The part of a result, or of an item (None), at a pointer. Raises InputError."""
    return _parts(text, [{"into": "", "pointer": pointer}], source)[""]


def _parts(text: str, inputs: Sequence[Spec], source: str | None) -> dict[str, str]:
    """Where the parts of a result, or of an item (None), go. Raises InputError."""
    pointers = {each["into"]: each.get("pointer") or "" for each in inputs}
    if not any(pointers.values()):
        return dict.fromkeys(pointers, text)
    found = _checked(json_text.parts, text, pointers.values())
    if missing := [pointer for pointer in pointers.values() if pointer not in found]:
        of = "The item" if source is None else f"The result of {source}"
        raise InputError(StepReason.INPUT_UNAVAILABLE, f"{of} has nothing at {missing[0]}.")
    return {into: found[pointer] for into, pointer in pointers.items()}


def _checked[**P, R](call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    try:
        return call(*args, **kwargs)
    except InvalidText as error:
        raise InputError(StepReason.INPUT_UNAVAILABLE, f"A result that it takes cannot be read: {error}.") from error
