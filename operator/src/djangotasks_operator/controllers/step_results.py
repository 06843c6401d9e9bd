"""Read the results that steps of a workflow take from others, as far as they go into a payload: what is larger, or in a
storage, is left to the task's pod."""

from collections.abc import Callable, Sequence

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.bounds import STEP_INPUTS_MAX_BYTES
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import Arguments, InputError
from djangotasks_api.workflow.plan import Spec
from djangotasks_api.workflow.records import StepReason
from djangotasks_operator.cache.result_reader import PAGE_MAX, ResultUnavailable, Stored, gone
from djangotasks_operator.cache.workflow_writer import WorkflowWriter
from djangotasks_operator.controllers.flow import Flow
from djangotasks_operator.controllers.item_lists import ItemLists
from djangotasks_operator.controllers.plans import Plans

# Results of a map are read as a list where there are more than this; and where there are more than a page, by the pod.
SINGLE_READS_MAX = 8
# Longer texts are gone through in a thread: 64 KiB take some milliseconds.
AT_ONCE_MAX_CHARS = 64 * 1024
# Of results that the result of a workflow is made of. A pointer may take a small part of a large one.
OUTPUT_MAX_CHARS = 2 * RESULT_MAX_BYTES


class StepResults:
    """One instance a process. Results are somebody's input: of those that a task takes, one is in memory at a time, and
    large ones are gone through in a thread."""

    def __init__(self, writer: WorkflowWriter, plans: Plans) -> None:
        self._writer = writer
        self._plans = plans
        self._lists = ItemLists()

    async def arguments(self, flow: Flow, task: StepTask) -> Arguments:
        """The arguments of a task, with what it takes from others. Raises InputError."""
        step = flow.plan.steps[task.step]
        found: dict[str, str] = {}
        size = 0
        for source, wanted in inputs.by_source(step.get("inputs") or ()).items():
            if source is None:
                item = await self._item(flow, task)
                values = await self._values(flow, wanted, {}, item)
                listed = inputs.item_source(flow.plan, task) is None
            else:
                values, listed = await self._of_step(flow, source, wanted), False
            for into, text in values.items():
                if listed or size + len(text) <= STEP_INPUTS_MAX_BYTES:
                    found[into] = text
                    size += len(text)
                elif source is not None and len(text) > STEP_INPUTS_MAX_BYTES:
                    flow.large.add(source)
        return inputs.placed(step, found)

    async def output(self, flow: Flow) -> str:
        """The result of a workflow that succeeded. Raises InputError."""
        output = flow.body["spec"].get("output") or {}
        found: dict[str, str] = {}
        for source, wanted in inputs.by_source(output.get("inputs") or ()).items():
            values = {} if source is None else await self._of_step(flow, source, wanted, most=OUTPUT_MAX_CHARS)
            found |= values
            if not values or sum(map(len, found.values())) > OUTPUT_MAX_CHARS:
                words = f"The results of {source} are too large for that, or in STORAGES. Return a file's name."
                raise InputError(StepReason.INPUT_TOO_LARGE, words)
        return inputs.filled(output.get("value") or "null", found)

    async def _of_step(
        self, flow: Flow, source: str, wanted: Sequence[Spec], *, most: int = STEP_INPUTS_MAX_BYTES
    ) -> dict[str, str]:
        """What goes where of a step's results; nothing where they are not read."""
        if source in flow.large and not any(each.get("pointer") for each in wanted):
            return {}
        tasks = inputs.needed(flow.plan, wanted, flow.engine.record)
        return await self._values(flow, wanted, await self._results(flow, source, tasks, most=most), None)

    async def _values(
        self, flow: Flow, wanted: Sequence[Spec], results: inputs.Results, item: str | None
    ) -> dict[str, str]:
        size = len(item or "") + sum(map(len, results.values()))
        return await self._call(
            lambda: inputs.values(flow.plan, wanted, flow.engine.record, results, item), size, len(results)
        )

    async def _call[T](self, call: Callable[[], T], size: int, count: int = 1) -> T:
        """Go through texts: large ones in a thread, so that they hold up nobody."""
        return call() if size <= AT_ONCE_MAX_CHARS and count <= PAGE_MAX else await self._plans.apart(call)

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

    async def _items(self, flow: Flow, source: StepTask) -> Sequence[str] | None:
        """The items of a step's result; None where it is no list, or in a storage."""
        if (known := self._lists.get(flow.uid, source.step)) is not None:
            return known
        result = await self._read(flow, source)
        if not isinstance(result, str):
            flow.large.add(source.step)
            return None
        if (found := await self._call(lambda: inputs.list_items(result), len(result))) is not None:
            self._lists.put(flow.uid, source.step, found)
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
