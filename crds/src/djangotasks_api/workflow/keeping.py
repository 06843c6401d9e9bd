"""Which finished tasks of a workflow nothing needs any more. Pure.

A result is needed by the steps that take it, until they have succeeded: when they fail, a retry of the workflow takes
it again. Steps that run on failure or always run in every retry.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import KeepTasks, Runs
from djangotasks_api.workflow.inputs import StepItem
from djangotasks_api.workflow.plan import Plan, sources_of
from djangotasks_api.workflow.records import Record, StepPhase


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long the tasks of each step are kept."""

    _plan: Plan
    _readers: Mapping[str, tuple[str, ...]]
    """The steps that take the result of a step, or all of a map's."""
    _lanes: Mapping[str, tuple[str, ...]]
    """The maps that take a map's results item by item."""
    _put_out: frozenset[str]
    """The steps whose result is a part of the workflow's."""

    @classmethod
    def of(cls, plan: Plan) -> Self:
        readers: dict[str, list[str]] = {}
        lanes: dict[str, list[str]] = {}
        for step in plan.graph:
            spec = plan.steps[step.name]
            for source in sources_of(spec):
                readers.setdefault(source, []).append(step.name)
            if step.over is not None:
                readers.setdefault(step.over, []).append(step.name)
            if step.each is not None and inputs.takes_item(spec):
                lanes.setdefault(step.each, []).append(step.name)
        return cls(
            plan,
            {name: tuple(dict.fromkeys(found)) for name, found in readers.items()},
            {name: tuple(found) for name, found in lanes.items()},
            frozenset(sources_of(plan.output)),
        )

    @property
    def removes_any(self) -> bool:
        """Whether any task goes before the workflow does."""
        return any(self._keep(step.name) is not KeepTasks.ALWAYS for step in self._plan.graph)

    def removable(
        self, tasks: Iterable[StepTask], record: Callable[[str], Record], *, succeeded: bool = False
    ) -> Iterator[StepTask]:
        """Those of the tasks that go now. `record`: what is stored of a step. `succeeded`: the whole workflow has."""
        for task in tasks:
            keep = self._keep(task.step)
            if keep is KeepTasks.ALWAYS:
                continue
            known = record(task.step)
            indexes = self._plan.graph[task.step].indexes_of(task.number, known.width)
            completed = [index for index in indexes if index in known.completed]
            if len(completed) < len(indexes) and keep is not KeepTasks.NEVER:
                continue
            over = known.phase.is_over or all(index in known.completed or index in known.failed for index in indexes)
            if over and not any(
                self._needs(StepItem(task.step, index), record, succeeded=succeeded) for index in completed
            ):
                yield task

    def sources(self, step: str) -> frozenset[str]:
        """The steps of which a result may be needed no more once this step is over, and whose tasks do not stay."""
        spec = self._plan.steps[step]
        map_ = spec.get("map") or {}
        found = {*sources_of(spec), map_.get("over"), map_.get("each")} - {None}
        return frozenset(name for name in found if name and self._keep(name) is not KeepTasks.ALWAYS)

    def before(self, task: StepTask) -> StepTask | None:
        """The task of the same item in the map that this one follows."""
        upstream = self._plan.graph[task.step].each
        if upstream is None:
            return None
        first = self._plan.graph[task.step].indexes_of(task.number, None).start
        return StepTask(upstream, self._plan.graph[upstream].task_of(first))

    def _needs(self, item: StepItem, record: Callable[[str], Record], *, succeeded: bool) -> bool:
        if item.step in self._put_out:
            return True
        if succeeded:
            return False
        for name in self._readers.get(item.step, ()):
            if record(name).phase is not StepPhase.SUCCEEDED or self._plan.graph[name].runs is not Runs.ON_SUCCESS:
                return True
        return any(
            record(name).phase is not StepPhase.SUCCEEDED and item.number not in record(name).completed
            for name in self._lanes.get(item.step, ())
        )

    def _keep(self, step: str) -> KeepTasks:
        return KeepTasks(self._plan.steps[step].get("keepTasks") or KeepTasks.ALWAYS)
