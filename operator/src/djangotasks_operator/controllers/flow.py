"""A workflow that runs: its plan and its engine, in the memory of the leader. Built again from what is stored."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from djangotasks_api.phases import Phase
from djangotasks_api.workflow.bounds import WINDOW
from djangotasks_api.workflow.engine import Engine, StepTask
from djangotasks_api.workflow.inputs import StepItem, task_of
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import StepReason, WorkflowPhase
from djangotasks_api.workflow.stored import records_of
from djangotasks_api.workflow.tasks import task_name
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.controllers.plans import Reading
from djangotasks_operator.pods.views import Body
from djangotasks_operator.workflows.status import Words
from djangotasks_operator.workflows.views import Workflow, WorkflowId

# The API server writes the whole of a workflow each time. What nothing waits for is written once a second, and large
# workflows at this many bytes a second.
STATUS_SECONDS = 1.0
URGENT_SECONDS = 0.05
BYTES_PER_SECOND = 200_000


class Flow:
    """The engine is touched by the workflow's own reconcile alone: the creation of tasks goes on beside it, and leaves
    here what is to be said to the engine."""

    def __init__(self, body: Body, reading: Reading, steps: Mapping[str, Any]) -> None:
        """`steps`: their status, as it is stored. Raises InvalidGraph."""
        metadata, spec = body["metadata"], body["spec"]
        # What is large of it is in the plan.
        kept = {name: value for name, value in spec.items() if name not in ("lists", "steps", "output")}
        self.body: Body = {"metadata": metadata, "spec": kept}
        self.key = Key(metadata["namespace"], metadata["name"])
        self.uid: str = metadata["uid"]
        self.plan = reading.plan
        self.keeping = reading.keeping
        window = min(spec.get("maxParallel") or WINDOW, WINDOW)
        self.engine = Engine(self.plan.graph, records_of(self.plan.graph, steps), window=window)
        self.messages: dict[str, str] = {step: has["message"] for step, has in steps.items() if has.get("message")}
        """Why a step failed, by its name."""
        self.to_create: set[StepTask] = set()
        """What the engine has begun, and does not exist yet."""
        self.blocked: dict[StepTask, str] = {}
        """What the API server refuses, with its words."""
        self.large: set[str] = set()
        """The steps whose results are read by the pods that take them."""
        self.stop_seen = False
        self._refused: dict[StepTask, StepReason] = {}
        self._returned: set[StepTask] = set()
        self.memory = reading.memory
        """How many bytes it takes, at most."""
        self._size = reading.size
        self._stored = steps
        self._recorded = _size_of(steps)
        self._ended: set[StepTask] = set()
        self._written_at: float | None = None

    @property
    def id(self) -> WorkflowId:
        return WorkflowId(self.key.namespace, self.uid)

    @property
    def words(self) -> Words:
        return Words(self.messages, next(iter(self.blocked.values()), None))

    def name_of(self, task: StepTask) -> str:
        """The name of its DjangoTask."""
        return task_name(self.plan, self.key.name, task)

    def place_of(self, item: StepItem) -> tuple[Key, str]:
        """The key of the DjangoTask that has the result, and the uid of the workflow that it is a part of: of this one,
        or of an earlier one that this one retries."""
        task = task_of(self.plan, item)
        if (source := self.engine.record(item.step).source(item.number)) is None:
            return Key(self.key.namespace, self.name_of(task)), self.uid
        return Key(self.key.namespace, task_name(self.plan, source.workflow, task)), source.uid

    def workflows_of(self, step: str) -> list[tuple[Key, str]]:
        """The workflows that have results of the step, with their uids."""
        earlier = self.engine.record(step).taken_over
        return [(self.key, self.uid), *((Key(self.key.namespace, found.workflow), found.uid) for found in earlier)]

    def observe(
        self,
        tasks: Mapping[StepTask, Phase | None],
        reason_of: Callable[[StepTask], StepReason | None],
        completed_of: Callable[[StepTask], Indexes],
    ) -> list[StepTask]:
        """Say to the engine what became of tasks. Returns those that failed, in order. `reason_of`: says why one did,
        where it is a reason for its step. `completed_of`: says which items of a chunk that failed have succeeded."""
        failed: list[StepTask] = []
        for task, phase in tasks.items():
            if task.step not in self.plan.graph:
                continue
            if phase is None:
                if task not in self.to_create:
                    self.engine.gone(*task)
            elif phase.is_terminal:
                self.created(task)
                self._ended.add(task)
                if phase is Phase.SUCCEEDED:
                    self.engine.ended(*task, succeeded=True)
                else:
                    completed = completed_of(task)
                    self.engine.ended(*task, succeeded=False, completed=completed, reason=reason_of(task))
                    failed.append(task)
            else:
                self.created(task)
                self.engine.started(*task)
        for task in self._returned:
            self.engine.gone(*task)
        self._returned.clear()
        for task, reason in self._refused.items():
            self.engine.ended(*task, succeeded=False, reason=reason)
        self._refused.clear()
        return sorted(failed)

    def created(self, task: StepTask) -> None:
        """The task exists."""
        self.to_create.discard(task)
        self.blocked.pop(task, None)

    def refuse(self, task: StepTask, reason: StepReason, message: str) -> None:
        """The task can never be created: it has failed."""
        self.created(task)
        self.messages.setdefault(task.step, message)
        self._refused[task] = reason

    def give_back(self, task: StepTask) -> None:
        """The task is not to be created now."""
        self.created(task)
        self._returned.add(task)

    def until_write(self, now: float, *, urgent: bool) -> float:
        """In how many seconds the status may be written."""
        if self._written_at is None:
            return 0.0
        least = URGENT_SECONDS if urgent else STATUS_SECONDS
        return self._written_at + max(least, (self._size + self._recorded) / BYTES_PER_SECOND) - now

    def written(self, workflow: Workflow, now: float) -> None:
        """Its records are stored: `workflow` has them."""
        self._stored = workflow.status.get("steps") or {}
        self._recorded = _size_of(self._stored)
        self._written_at = now

    def knows(self, workflow: Workflow) -> bool:
        """Whether the records that are stored are those that it has read or written last."""
        return (workflow.status.get("steps") or {}) == self._stored

    def keeping_now(self, existing: Iterable[StepTask]) -> list[StepTask]:
        """Of the tasks that there are, those that nothing needs by what is stored."""
        return list(self.keeping.removable(existing, self.engine.record)) if self.keeping.removes_any else []

    def take_removable(self, turned: Iterable[str], existing: Callable[[], Iterable[StepTask]]) -> list[StepTask]:
        """The tasks that nothing needs any more, now that all is stored. `turned`: the steps whose record was written.
        `existing`: the tasks that there are."""
        if not self.keeping.removes_any:
            return []
        ended, self._ended = self._ended, set()
        tasks = ended | {before for task in ended if (before := self.keeping.before(task)) is not None}
        record = self.engine.record
        ending = self.engine.ending()
        sources = {source for step in turned if record(step).phase.is_over for source in self.keeping.sources(step)}
        if sources or ending is not None:
            tasks |= {task for task in existing() if ending is not None or task.step in sources}
        succeeded = ending is WorkflowPhase.SUCCEEDED
        return list(self.keeping.removable(tasks, record, succeeded=succeeded))


def _size_of(steps: Mapping[str, Any]) -> int:
    """Of what may be large of their status, in characters."""
    return sum(len(has.get(name) or "") for has in steps.values() for name in ("completedIndexes", "failedIndexes"))
