"""The status of a workflow. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from djangotasks_api.workflow.bounds import STEP_MESSAGES_MAX_BYTES
from djangotasks_api.workflow.engine import Engine
from djangotasks_api.workflow.graph import Graph
from djangotasks_api.workflow.records import Record, StepPhase, StepReason, WorkflowPhase, WorkflowReason
from djangotasks_api.workflow.stored import step_message, step_status, step_times
from djangotasks_operator.status.text import shorten_stored, truncate_message
from djangotasks_operator.workflows.views import Workflow

type Change = dict[str, Any]


def timestamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


class Words(NamedTuple):
    """What is known beside the records."""

    of_steps: Mapping[str, str]
    """Why a step failed, by its name."""
    waits: str | None
    """What the API server said when it refused a task that is still to be created."""


def change(
    workflow: Workflow, engine: Engine, graph: Graph, changed: Mapping[str, Record], words: Words, now: datetime
) -> Change:
    """The merge patch of the status that stores these records; empty where nothing has changed."""
    over, known = engine.progress()
    ending = engine.ending()
    phase = ending or (WorkflowPhase.RUNNING if _has_begun(workflow, changed) else WorkflowPhase.PENDING)
    found: Change = {
        "phase": phase.value,
        "progress": f"{over}/{known}",
        "active": engine.expected_active(),
    }
    if workflow.status.get("startedAt") is None and phase is not WorkflowPhase.PENDING:
        found["startedAt"] = timestamp(now)
    if ending is not None:
        found |= _ended(ending, *_why(workflow, engine, ending, words.of_steps), now)
    elif words.waits is not None:
        found |= {"reason": WorkflowReason.TASKS_REFUSED.value, "message": truncate_message(words.waits)}
    else:
        found |= {"reason": None, "message": None}
    found = {name: value for name, value in found.items() if workflow.status.get(name) != value}
    if changed:
        stored, stamp = workflow.status.get("steps") or {}, timestamp(now)
        found["steps"] = {
            name: step_status(record, is_map=graph[name].is_map)
            | step_times(record, stored.get(name) or {}, stamp)
            | {"message": _own_message(record, words.of_steps.get(name), len(graph))}
            for name, record in changed.items()
        }
    # Its phase is always in it: the server's own default for it is no stored value.
    return found and {"phase": phase.value} | found


def failed(reason: WorkflowReason, message: str, now: datetime) -> Change:
    """The change of a workflow that cannot run."""
    return _ended(WorkflowPhase.FAILED, reason, truncate_message(message), now)


def too_large(now: datetime) -> Change:
    """The change of a workflow of which no more can be recorded."""
    words = "There is no room to record more of it. Map over shorter lists, or return them from steps."
    return failed(WorkflowReason.STATUS_TOO_LARGE, words, now)


def held(workflow: Workflow, message: str) -> Change:
    """The change of a workflow that is held as restored; empty where its status says so."""
    if workflow.status.get("reason") == WorkflowReason.RESTORED:
        return {}
    reason = WorkflowReason.RESTORED.value
    return {"phase": workflow.phase.value, "reason": reason, "message": truncate_message(message)}


def _has_begun(workflow: Workflow, changed: Mapping[str, Record]) -> bool:
    return workflow.phase is WorkflowPhase.RUNNING or any(
        record.phase is not StepPhase.PENDING for record in changed.values()
    )


def _why(
    workflow: Workflow, engine: Engine, ending: WorkflowPhase, messages: Mapping[str, str]
) -> tuple[WorkflowReason | None, str | None]:
    if ending is WorkflowPhase.SUCCEEDED:
        return None, None
    if ending is WorkflowPhase.CANCELLED:
        return WorkflowReason.CANCEL_REQUESTED, workflow.cancel_reason or "The workflow was cancelled."
    if engine.stopped is StepReason.DEADLINE_EXCEEDED:
        seconds = 0 if workflow.timeout is None else workflow.timeout.total_seconds()
        return WorkflowReason.DEADLINE_EXCEEDED, f"The workflow ran longer than its timeoutSeconds, {seconds:g}."
    return WorkflowReason.STEP_FAILED, truncate_message(_failures(engine.failures(), engine, messages))


def _failures(steps: Iterable[str], engine: Engine, messages: Mapping[str, str]) -> str:
    return " ".join(f"{step}: {_step_message(engine.record(step), messages.get(step))}" for step in steps)


def _step_message(record: Record, message: str | None) -> str | None:
    found = step_message(record, message)
    return found and truncate_message(found)


def _own_message(record: Record, message: str | None, steps: int) -> str | None:
    """The same, as the status of a workflow with so many steps has room for it."""
    found = _step_message(record, message)
    return found and shorten_stored(found, STEP_MESSAGES_MAX_BYTES // steps)


def _ended(phase: WorkflowPhase, reason: WorkflowReason | None, message: str | None, now: datetime) -> Change:
    stamp = timestamp(now)
    condition = {
        "type": "Complete" if phase is WorkflowPhase.SUCCEEDED else "Failed",
        "status": "True",
        "reason": reason or "",
        "message": message or "",
        "lastTransitionTime": stamp,
    }
    return {
        "phase": phase.value,
        "reason": reason and reason.value,
        "message": message,
        "finishedAt": stamp,
        "active": 0,
        "conditions": [condition],
    }
