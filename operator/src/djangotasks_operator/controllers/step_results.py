"""Read the results that steps of a workflow take from others, as far as they go into a payload: what is larger, or in a
storage, is left to the task's pod."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.bounds import STEP_INPUTS_MAX_BYTES
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import Arguments, InputError, StepItem
from djangotasks_api.workflow.item_texts import ItemTexts
from djangotasks_api.workflow.plan import Spec
from djangotasks_api.workflow.records import StepReason
from djangotasks_operator.cache.keys import Key
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
        step, record = flow.plan.steps[task.step], flow.engine.record
        has_list = flow.plan.graph[task.step].items is not None
        found: dict[str, str] = {}
        size = 0
        for source, wanted in inputs.by_source(step.get("inputs") or ()).items():
            if source is None:
                values, listed = await self._values(flow, wanted, {}, await self._item(flow, task)), has_list
            else:
                values, listed = await self._of_step(flow, source, wanted), False
            for into, text in values.items():
                if listed or size + len(text) <= STEP_INPUTS_MAX_BYTES:
                    found[into] = text
                    size += len(text)
                elif source is not None and len(text) > STEP_INPUTS_MAX_BYTES:
                    flow.large.add(source)
        return replace(inputs.placed(step, found), chunk=inputs.chunk_of(flow.plan, task, record))

    async def output(self, flow: Flow) -> str:
        """The result of a workflow that succeeded. Raises InputError."""
        output = flow.plan.output
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
        items = inputs.needed(flow.plan, wanted, flow.engine.record)
        return await self._values(flow, wanted, await self._results(flow, source, items, most=most), None)

    async def _values(
        self, flow: Flow, wanted: Sequence[Spec], results: inputs.Results, item: str | None
    ) -> dict[str, str]:
        size = len(item or "") + sum(map(len, results.values()))
        call = partial(inputs.values, flow.plan, wanted, flow.engine.record, results, item)
        return await self._call(flow, call, size, len(results))

    async def _call[T](self, flow: Flow, call: Callable[[], T], size: int, count: int = 1) -> T:
        """Go through texts: large ones in a thread, so that they hold up nobody."""
        return (
            call()
            if size <= AT_ONCE_MAX_CHARS and count <= PAGE_MAX
            else await self._plans.apart(flow.key.namespace, call)
        )

    async def length(self, flow: Flow, step: str) -> int | None:
        """How many items a step's result has; None where it is no list. Raises InputError."""
        task = self._writer.store.task(flow.place_of(StepItem(step, 0))[0])
        reported = None if task is None else task.status.result_length
        if reported is not None and not any(
            inputs.takes_item(flow.plan.steps[each.name]) for each in flow.plan.graph if each.over == step
        ):
            return reported
        items = await self._items(flow, step)
        return reported if items is None else len(items)

    async def _item(self, flow: Flow, task: StepTask) -> str | None:
        """The item of a task; of a chunk, the list of them. None where the pod reads it."""
        step, record = flow.plan.graph[task.step], flow.engine.record
        if step.over is not None:
            if step.over in flow.large:
                return None
            items = await self._items(flow, step.over)
            return None if step.over in flow.large else inputs.item_of(flow.plan, task, items or ())
        sources = inputs.item_sources(flow.plan, task, record)
        found = await self._one_by_one(flow, sources)
        return None if len(found) < len(sources) else inputs.item(flow.plan, task, found, record)

    async def _items(self, flow: Flow, step: str) -> ItemTexts | None:
        """The items of a step's result; None where it is no list, or in a storage."""
        if (known := self._lists.get(flow.uid, step)) is not None:
            return known
        result = await self._writer.results.one(*flow.place_of(StepItem(step, 0)))
        if not isinstance(result, str):
            flow.large.add(step)
            return None
        if (found := await self._call(flow, lambda: inputs.list_items(result), len(result))) is not None:
            self._lists.put(flow.uid, step, found)
        return found

    async def _results(
        self, flow: Flow, step: str, items: list[StepItem], *, most: int = STEP_INPUTS_MAX_BYTES
    ) -> dict[StepItem, str]:
        """The results of a step; none of a map that has more than `most` characters of them."""
        graph_step = flow.plan.graph[step]
        tasks = len({graph_step.task_of(item.number) for item in items})
        if not graph_step.is_map or tasks <= SINGLE_READS_MAX:
            return await self._one_by_one(flow, items)
        few = tasks <= PAGE_MAX or most > STEP_INPUTS_MAX_BYTES
        found = await self._listed(flow, step, most) if few else None
        if found is None:
            flow.large.add(step)
            return {}
        if missing := [item for item in items if item not in found]:
            raise ResultUnavailable(gone(flow.place_of(missing[0])[0].name))
        return found

    async def _one_by_one(self, flow: Flow, items: Sequence[StepItem]) -> dict[StepItem, str]:
        """Each task's result read by itself; without those that are in a storage."""
        found: dict[StepItem, str] = {}
        places = await self._call(flow, lambda: _by_place(flow, items), 0, len(items))
        for place, members in places.items():
            text = await self._writer.results.one(*place)
            if isinstance(text, str):
                task = inputs.task_of(flow.plan, members[0])
                size = 0 if flow.plan.graph[task.step].chunk is None else len(text)
                known = await self._call(flow, partial(inputs.results_in, flow.plan, task, text), size)
                for item in members:
                    if item not in known:
                        raise ResultUnavailable(f"The task {place[0].name} has no result of item {item.number}.")
                    found[item] = known[item]
        return found

    async def _listed(self, flow: Flow, step: str, most: int) -> dict[StepItem, str] | None:
        """The results of a map; None where they have more characters, or one of them is in a storage."""
        found: dict[StepItem, str] = {}
        chunk = flow.plan.graph[step].chunk
        for workflow, uid in flow.workflows_of(step):
            async for page in self._writer.results.pages(workflow, uid, step):
                size = 0 if chunk is None else sum(len(text) for text in page.values() if isinstance(text, str))
                call = partial(_of_page, flow, step, uid, page, most)
                if (part := await self._call(flow, call, size, len(page) * (chunk or 1))) is None:
                    return None
                found |= part[0]
                most -= part[1]
        return found


def _by_place(flow: Flow, items: Iterable[StepItem]) -> dict[tuple[Key, str], list[StepItem]]:
    """The items by the task that has their results."""
    found: dict[tuple[Key, str], list[StepItem]] = {}
    for item in items:
        found.setdefault(flow.place_of(item), []).append(item)
    return found


def _of_page(
    flow: Flow, step: str, uid: str, page: Mapping[int, Stored], most: int
) -> tuple[dict[StepItem, str], int] | None:
    """The results of a map's tasks that are of the workflow with this uid, and how many characters those have. None as
    for `_listed`."""
    record, found, size = flow.engine.record(step), dict[StepItem, str](), 0
    for number, result in page.items():
        indexes = flow.plan.graph[step].indexes_of(number, record.width)
        items = [StepItem(step, index) for index in indexes if index in record.completed]
        own = [item for item in items if flow.place_of(item)[1] == uid]
        if not own:
            continue
        if not isinstance(result, str) or (size := size + len(result)) > most:
            return None
        known = inputs.results_in(flow.plan, StepTask(step, number), result)
        found |= {item: known[item] for item in own if item in known}
    return found, size
