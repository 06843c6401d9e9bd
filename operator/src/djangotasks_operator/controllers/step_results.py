"""Read the results that steps of a workflow take from others, as far as they go into a payload: what is larger, or in a
storage, is left to the task's pod."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.bounds import STEP_INPUTS_MAX_BYTES
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import Arguments, InputError
from djangotasks_api.workflow.records import StepReason
from djangotasks_operator.cache.result_reader import PAGE_MAX, ResultUnavailable, Stored, gone
from djangotasks_operator.cache.workflow_writer import WorkflowWriter
from djangotasks_operator.controllers.flow import Flow

if TYPE_CHECKING:
    from djangotasks_api.workflow.plan import Spec

# Results of a map are read as a list where there are more than this; and where there are more than a page, by the pod.
SINGLE_READS_MAX = 8
# Of results that the result of a workflow is made of. A pointer may take a small part of a large one.
OUTPUT_MAX_CHARS = 2 * RESULT_MAX_BYTES


class StepResults:
    def __init__(self, writer: WorkflowWriter) -> None:
        self._writer = writer

    async def arguments(self, flow: Flow, task: StepTask) -> Arguments:
        """The arguments of a task, with what it takes from others. Raises InputError."""
        step, record = flow.plan.steps[task.step], flow.engine.record
        wanted: Sequence[Spec] = step.get("inputs") or ()
        item = await self._item(flow, task) if inputs.takes_item(step) else None
        results: dict[StepTask, str] = {}
        for source, tasks in _by_step(inputs.needed(flow.plan, wanted, record)).items():
            whole = all(not each.get("pointer") for each in wanted if each.get("step") == source)
            if not (whole and source in flow.large):
                results |= await self._results(flow, source, tasks)
        found = inputs.values(flow.plan, wanted, record, results, item)
        for each in wanted:
            if (name := each.get("step")) and len(found.get(each["into"], "")) > STEP_INPUTS_MAX_BYTES:
                flow.large.add(name)
        return inputs.placed(step, found)

    async def output(self, flow: Flow) -> str:
        """The result of a workflow that succeeded. Raises InputError."""
        output, record = flow.body["spec"].get("output") or {}, flow.engine.record
        wanted: Sequence[Spec] = output.get("inputs") or ()
        results: dict[StepTask, str] = {}
        for source, tasks in _by_step(inputs.needed(flow.plan, wanted, record)).items():
            results |= await self._results(flow, source, tasks, most=OUTPUT_MAX_CHARS)
            if source in flow.large or any(task not in results for task in tasks):
                words = f"The results of {source} are too large for that, or in STORAGES. Return a file's name."
                raise InputError(StepReason.INPUT_TOO_LARGE, words)
        return inputs.filled(output.get("value") or "null", inputs.values(flow.plan, wanted, record, results))

    async def length(self, flow: Flow, step: str) -> int | None:
        """How many items a step's result has; None where it is no list. Raises InputError."""
        task = self._writer.store.task(flow.place_of(StepTask(step, 0))[0])
        reported = None if task is None else task.status.result_length
        if reported is not None and not any(
            inputs.takes_item(flow.plan.steps[each.name]) for each in flow.plan.graph if each.over == step
        ):
            return reported
        items = await self._items(flow, StepTask(step, 0))
        return reported if items is None else len(items)

    async def _item(self, flow: Flow, task: StepTask) -> str | None:
        """None where the pod reads it."""
        if (source := inputs.item_source(flow.plan, task)) is None:
            return inputs.listed_item(flow.plan, task)
        if flow.plan.graph[task.step].each is not None:
            result = await self._read(flow, source)
            return result if isinstance(result, str) else None
        if source.step in flow.large:
            return None
        items = await self._items(flow, source)
        return None if source.step in flow.large else inputs.item_of(items or (), task.number)

    async def _items(self, flow: Flow, source: StepTask) -> list[str] | None:
        """The items of a step's result; None where it is no list, or in a storage."""
        if (known := flow.items.get(source.step)) is not None:
            return known
        result = await self._read(flow, source)
        if not isinstance(result, str):
            flow.large.add(source.step)
            return None
        if (found := inputs.list_items(result)) is not None:
            flow.items[source.step] = found
        return found

    async def _results(
        self, flow: Flow, step: str, tasks: list[StepTask], *, most: int = STEP_INPUTS_MAX_BYTES
    ) -> dict[StepTask, str]:
        """The results of a step's tasks; none of a map that has more than `most` characters of them."""
        if not flow.plan.graph[step].is_map or len(tasks) <= SINGLE_READS_MAX:
            read = {task: await self._read(flow, task) for task in tasks}
            return {task: text for task, text in read.items() if isinstance(text, str)}
        few = len(tasks) <= PAGE_MAX or most > STEP_INPUTS_MAX_BYTES
        found = await self._listed(flow, step, most) if few else None
        if found is None:
            flow.large.add(step)
            return {}
        if missing := [task for task in tasks if task not in found]:
            raise ResultUnavailable(gone(flow.place_of(missing[0])[0].name))
        return found

    async def _listed(self, flow: Flow, step: str, most: int) -> dict[StepTask, str] | None:
        """The results of a map; None where they have more characters, or one of them is in a storage."""
        found: dict[StepTask, str] = {}
        size = 0
        for workflow, uid in flow.workflows_of(step):
            async for page in self._writer.results.pages(workflow, uid, step):
                for number, result in page.items():
                    if flow.place_of(task := StepTask(step, number))[1] != uid:
                        continue
                    if not isinstance(result, str) or (size := size + len(result)) > most:
                        return None
                    found[task] = result
        return found

    async def _read(self, flow: Flow, task: StepTask) -> Stored:
        return await self._writer.results.one(*flow.place_of(task))


def _by_step(tasks: Iterable[StepTask]) -> dict[str, list[StepTask]]:
    found: dict[str, list[StepTask]] = {}
    for task in tasks:
        found.setdefault(task.step, []).append(task)
    return found
