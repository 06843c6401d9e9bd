"""One workflow without a cluster: the engine that the operator has, on tasks in memory."""

from collections.abc import Iterable
from typing import Any

from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.exceptions import InvalidResource, StorageFailed
from django_tasks_kubernetes.local.attempt import result_text
from django_tasks_kubernetes.local.memory_store import MemoryStore
from django_tasks_kubernetes.local.running import outside
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.engine import Engine, StepTask
from djangotasks_api.workflow.inputs import Arguments, InputError, StepItem
from djangotasks_api.workflow.item_texts import ItemTexts
from djangotasks_api.workflow.keeping import Keeping
from djangotasks_api.workflow.plan import Plan, payload_of
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import (
    NO_LIST,
    Record,
    StepReason,
    WorkflowPhase,
    WorkflowReason,
    step_reason,
)
from djangotasks_api.workflow.retry import NotRetryable, needed, taken_over
from djangotasks_api.workflow.stored import step_message, step_status, step_times
from djangotasks_api.workflow.tasks import source_name, task_manifest, task_name


class LocalWorkflow:
    """`advance` records what became of its tasks, and creates those that can start."""

    def __init__(self, resource: Resource, workflows: MemoryStore, tasks: MemoryStore) -> None:
        """Raises InvalidGraph, and NotRetryable where it retries one that cannot be retried."""
        self.name: str = resource["metadata"]["name"]
        self._workflows = workflows
        self._tasks = tasks
        self._plan = Plan.of(resource["spec"])
        self._engine = Engine(self._plan.graph, self._taken_over(resource))
        self._keeping = Keeping.of(self._plan)
        self._running: dict[StepTask, str] = {}
        self._ended: set[StepTask] = set()
        """The tasks that are over, and still there."""
        self._messages: dict[str, str] = {}
        self._items: dict[str, ItemTexts | None] = {}

    @property
    def _resource(self) -> Resource:
        return self._workflows.resources[self.name]

    def _taken_over(self, resource: Resource) -> dict[str, Record]:
        """What it begins with."""
        if (retry_of := resource["spec"].get("retryOf")) is None:
            return {}
        if (earlier := self._workflows.resources.get(retry_of["name"])) is None:
            raise NotRetryable(f"There is no workflow {retry_of['name']} any more.")
        metadata = earlier["metadata"] | {"uid": retry_of["uid"]}
        records = taken_over(self._plan, earlier | {"metadata": metadata})
        for source, task in needed(self._plan, records):
            if (name := task_name(self._plan, source.workflow, task)) not in self._tasks.resources:
                raise NotRetryable(f"The task {name} of the earlier workflow was deleted, and its result is needed.")
        return records

    @property
    def is_over(self) -> bool:
        return WorkflowPhase(self._resource["status"]["phase"]).is_terminal

    def advance(self) -> list[str]:
        """Returns the names of the tasks that were created."""
        with outside():
            return self._advance()

    def _advance(self) -> list[str]:
        engine, created = self._engine, list[str]()
        if self._resource["spec"].get("cancel"):
            self._stop()
        self._observe()
        while True:
            self._settle()
            tasks = engine.create()
            for task in tasks:
                if (name := self._create(task)) is not None:
                    created.append(name)
            # A task that cannot run has failed, which others may follow.
            if len(created) == len(self._running) or not tasks:
                break
        self._settle()
        self._write()
        self._remove()
        return created

    def _stop(self) -> None:
        self._engine.stop(StepReason.CANCEL_REQUESTED)
        for task, name in self._running.items():
            if self._plan.graph[task.step].runs != "Always" and name in self._tasks.resources:
                self._tasks.cancel(name, f"its workflow {self.name} was cancelled")

    def _observe(self) -> None:
        for task, name in list(self._running.items()):
            if (resource := self._tasks.resources.get(name)) is None:
                # It was deleted, and is created again.
                del self._running[task]
                self._engine.gone(*task)
                continue
            status = resource["status"]
            if status["phase"].is_terminal:
                del self._running[task]
                self._ended.add(task)
                succeeded = status["phase"] is Phase.SUCCEEDED
                if not succeeded:
                    attempts = status.get("attempts") or [{}]
                    words = status.get("message") or attempts[-1].get("message") or ""
                    said = f"{name} is {status['phase']}, {status.get('reason')}: {words}"
                    self._messages.setdefault(task.step, said)
                completed = Indexes.parse((status.get("items") or {}).get("completed") or "")
                reason = step_reason(status.get("reason"))
                self._engine.ended(*task, succeeded=succeeded, completed=completed, reason=reason)

    def _settle(self) -> None:
        engine = self._engine
        engine.settle()
        while steps := engine.unmeasured():
            for step in steps:
                self._measure(step)
            engine.settle()
        engine.recorded()

    def _measure(self, step: str) -> None:
        words, reason = NO_LIST, StepReason.NOT_A_LIST
        try:
            items = self._items_of(step)
            length = None if items is None else len(items)
            inputs.check_length(self._plan, self._engine.record, step, length)
        except InputError as error:
            length, words, reason = None, str(error), error.reason
        if length is None:
            for follower in self._plan.graph:
                if follower.over == step:
                    self._messages.setdefault(follower.name, words)
        self._engine.measured(step, length, reason)

    def _create(self, task: StepTask) -> str | None:
        try:
            chunk = inputs.chunk_of(self._plan, task, self._engine.record)
            arguments = Arguments(self._payload(task), chunk=chunk)
        except InputError as error:
            self._messages.setdefault(task.step, str(error))
            self._engine.ended(*task, succeeded=False, reason=error.reason)
            return None
        resource = self._resource
        metadata = resource["metadata"] | {"namespace": "", "uid": self.name}
        manifest = task_manifest(
            self._plan, resource | {"metadata": metadata}, task, arguments, to_wire(timezone.now())
        )
        name: str = manifest["metadata"]["name"]
        self._tasks.create(manifest)
        self._running[task] = name
        return name

    def _payload(self, task: StepTask) -> str:
        step = self._plan.steps[task.step]
        wanted = step.get("inputs") or ()
        needed = inputs.needed(self._plan, wanted, self._engine.record)
        texts = self._texts(needed)
        item = self._item(task) if inputs.takes_item(step) else None
        return inputs.filled(payload_of(step), inputs.values(self._plan, wanted, self._engine.record, texts, item))

    def _item(self, task: StepTask) -> str:
        if (over := self._plan.graph[task.step].over) is not None:
            return inputs.item_of(self._plan, task, self._items_of(over) or ())
        texts = self._texts(inputs.item_sources(self._plan, task, self._engine.record))
        return inputs.item(self._plan, task, texts, self._engine.record)

    def _items_of(self, step: str) -> ItemTexts | None:
        """The items of a step's result; None where it is no list. Raises InputError."""
        if step not in self._items:
            self._items[step] = inputs.list_items(self._text(StepItem(step, 0)))
        return self._items[step]

    def _texts(self, items: Iterable[StepItem]) -> dict[StepItem, str]:
        """The results of items that succeeded. Raises InputError."""
        by_task: dict[str, list[StepItem]] = {}
        for item in items:
            name = source_name(self._plan, self.name, item, self._engine.record(item.step))
            by_task.setdefault(name, []).append(item)
        found: dict[StepItem, str] = {}
        for members in by_task.values():
            known = inputs.results_in(self._plan, inputs.task_of(self._plan, members[0]), self._text(members[0]))
            found |= {item: known[item] for item in members}
        return found

    def _text(self, item: StepItem) -> str:
        """The result of the task that has the item's. Raises InputError."""
        name = source_name(self._plan, self.name, item, self._engine.record(item.step))
        try:
            return result_text(self._tasks.get(name))
        except TaskResultDoesNotExist:
            words = f"The task {name} was deleted, and its result is needed."
            raise InputError(StepReason.INPUT_UNAVAILABLE, words) from None
        except (InvalidResource, StorageFailed) as error:
            raise InputError(StepReason.INPUT_UNAVAILABLE, str(error)) from error

    def _write(self) -> None:
        engine, old = self._engine, self._resource["status"]
        now = to_wire(timezone.now())
        done, total = engine.progress()
        status: dict[str, Any] = {
            "phase": (engine.ending() or WorkflowPhase.RUNNING).value,
            "progress": f"{done}/{total}",
            "active": len(self._running),
            "startedAt": old.get("startedAt") or now,
            "steps": {step.name: self._step(step.name, old, now, is_map=step.is_map) for step in self._plan.graph},
        }
        if engine.ending() is not None:
            status |= {"finishedAt": now, **self._why()}
        self._resource["status"] = status
        self._workflows.changed(self.name)

    def _remove(self) -> None:
        """The tasks that nothing needs any more."""
        if self._keeping.removes_any:
            succeeded = self._engine.ending() is WorkflowPhase.SUCCEEDED
            for task in list(self._keeping.removable(self._ended, self._engine.record, succeeded=succeeded)):
                self._ended.discard(task)
                self._tasks.remove(task_name(self._plan, self.name, task))

    def end_of_task(self) -> Resource:
        """What becomes of the task that has returned it, once it is over."""
        status = self._resource["status"]
        said = f"The workflow {self.name}, which it returned, is {status['phase']}, {status.get('reason')}: "
        message = f"{said}{status.get('message') or ''}"
        if status["phase"] == WorkflowPhase.CANCELLED:
            return {"phase": Phase.CANCELLED, "reason": Reason.CANCEL_REQUESTED, "message": message}
        if status["phase"] == WorkflowPhase.SUCCEEDED:
            try:
                return {"phase": Phase.SUCCEEDED, "reason": None, "message": None, "result": self._output()}
            except InputError as error:
                message = f"The result of the workflow {self.name}, which it returned, cannot be had: {error}"
        return {"phase": Phase.FAILED, "reason": Reason.WORKFLOW_FAILED, "message": message}

    def _output(self) -> str:
        """Its result. Raises InputError."""
        output = self._resource["spec"].get("output") or {}
        wanted = output.get("inputs") or ()
        with outside():
            texts = self._texts(inputs.needed(self._plan, wanted, self._engine.record))
        found = inputs.values(self._plan, wanted, self._engine.record, texts)
        return inputs.filled(output.get("value") or "null", found)

    def _step(self, name: str, old: Resource, now: str, *, is_map: bool) -> dict[str, Any]:
        record, before = self._engine.record(name), (old.get("steps") or {}).get(name) or {}
        times = {field: before[field] for field in ("startedAt", "finishedAt") if field in before}
        found = step_status(record, is_map=is_map) | times | step_times(record, before, now)
        found["message"] = self._message(name)
        return {field: value for field, value in found.items() if value is not None}

    def _message(self, name: str) -> str | None:
        return step_message(self._engine.record(name), self._messages.get(name))

    def _why(self) -> dict[str, str]:
        match self._engine.ending():
            case WorkflowPhase.CANCELLED:
                reason = self._resource["spec"].get("cancelReason") or "The workflow was cancelled."
                return {"reason": WorkflowReason.CANCEL_REQUESTED.value, "message": reason}
            case WorkflowPhase.FAILED:
                said = " ".join(f"{step}: {self._message(step)}" for step in self._engine.failures())
                return {"reason": WorkflowReason.STEP_FAILED.value, "message": said}
            case _:
                return {}
