"""The results of steps as arguments of others, exact to the character."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from djangotasks_api.workflow import json_text
from djangotasks_api.workflow.bounds import ITEM_MAX_BYTES, STEP_INPUTS_MAX_BYTES, WORKFLOW_TASKS_MAX
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import tasks_known
from djangotasks_api.workflow.json_text import InvalidText
from djangotasks_api.workflow.plan import Plan, Spec, payload_of
from djangotasks_api.workflow.records import Record, StepPhase, StepReason

type Records = Callable[[str], Record]
# The text of each result that was read.
type Results = Mapping[StepTask, str]


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


def takes_item(step: Spec) -> bool:
    """Whether the tasks of a map take their items as arguments."""
    return any(each.get("step") is None for each in step.get("inputs") or ())


def item_source(plan: Plan, task: StepTask) -> StepTask | None:
    """The task whose result is the item of this one, or has it among others. None where the workflow has a list."""
    step = plan.graph[task.step]
    if step.each is not None:
        return StepTask(step.each, task.number)
    return None if step.over is None else StepTask(step.over, 0)


def item(plan: Plan, task: StepTask, result: str) -> str:
    """The item of a task. `result`: of its `item_source`. Raises InputError."""
    if plan.graph[task.step].each is not None:
        return result
    return item_of(list_items(result) or (), task.number)


def item_of(items: Sequence[str], number: int) -> str:
    """Raises InputError."""
    if number >= len(items):
        raise InputError(StepReason.INPUT_UNAVAILABLE, f"The list has no item {number} any more.")
    return items[number]


def listed_item(plan: Plan, task: StepTask) -> str:
    """The item of a task that maps over a list of the workflow."""
    return plan.lists[plan.steps[task.step]["map"]["list"]][task.number]


def needed(plan: Plan, inputs: Sequence[Spec], records: Records) -> list[StepTask]:
    """The tasks whose results must be read for these inputs, the item apart. Results that a step does not have are
    null, and need not be read."""
    return [task for source in by_source(inputs) if source is not None for task in _tasks(plan, source, records)]


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


def list_items(result: str) -> list[str] | None:
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


def _tasks(plan: Plan, step: str, records: Records) -> list[StepTask]:
    record = records(step)
    if plan.graph[step].is_map:
        return [StepTask(step, number) for number in record.completed]
    return [StepTask(step, 0)] if record.phase is StepPhase.SUCCEEDED else []


def _result(plan: Plan, step: str, records: Records, results: Results) -> str | None:
    """None where one of the results that it is made of was not read."""
    record = records(step)
    if not plan.graph[step].is_map:
        return results.get(StepTask(step, 0)) if record.phase is StepPhase.SUCCEEDED else "null"
    if record.width is None:
        return "null"
    texts: list[str] = []
    for number in range(record.width):
        text = results.get(StepTask(step, number)) if number in record.completed else "null"
        if text is None:
            return None
        # Each by itself: between others, "1, 2" would be two.
        _checked(json_text.check, text)
        texts.append(text)
    return f"[{','.join(texts)}]"


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
