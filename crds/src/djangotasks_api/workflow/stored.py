"""Records as the status of a workflow has them, and back. A step that is no map has no ranges there: its phase is
enough."""

from collections.abc import Mapping
from typing import Any

from djangotasks_api.workflow.graph import Graph, InvalidGraph
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import NO_LIST, Record, StepPhase, StepReason, TakenOver


def step_status(record: Record, *, is_map: bool) -> dict[str, Any]:
    """The status of a step. null removes what an earlier one had."""
    status: dict[str, Any] = {"phase": record.phase.value, "reason": record.reason and record.reason.value}
    if is_map and (record.width is not None or record.completed):
        completed, failed = str(record.completed), str(record.failed)
        status |= {"width": record.width, "completedIndexes": completed, "failedIndexes": failed}
    if record.taken_over:
        status["takenOver"] = [
            {"workflow": found.workflow, "uid": found.uid, "indexes": str(found.indexes)} for found in record.taken_over
        ]
    return status


def step_message(record: Record, message: str | None) -> str | None:
    """What is said of a step that failed. `message`: of the first of its tasks that did; or what was stored of it."""
    if record.phase is not StepPhase.FAILED:
        return None
    if record.reason is StepReason.NOT_A_LIST:
        message = NO_LIST
    many = f"{len(record.failed)} of {record.width} failed. " if (record.width or 0) > 1 else ""
    return f"{many}{(message or '').removeprefix(many)}".strip() or None


def step_times(record: Record, before: Mapping[str, Any], now: str) -> dict[str, str]:
    """When the step began and ended, where that is new. `before`: its status as it is stored. `now`: RFC 3339."""
    found: dict[str, str] = {}
    if "startedAt" not in before:
        if record.phase not in (StepPhase.RUNNING, StepPhase.SUCCEEDED, StepPhase.FAILED):
            return found
        found["startedAt"] = now
    if record.phase.is_over and "finishedAt" not in before:
        found["finishedAt"] = now
    return found


def records_of(graph: Graph, steps: Mapping[str, Mapping[str, Any]]) -> dict[str, Record]:
    """Read the steps of a status. Raises InvalidGraph where somebody else has written it."""
    return {name: record_of(name, status, graph[name].is_map) for name, status in steps.items() if name in graph}


def record_of(name: str, status: Mapping[str, Any], is_map: bool) -> Record:
    """Read the status of a step. Raises InvalidGraph where somebody else has written it."""
    phase = StepPhase(status["phase"])
    word = status.get("reason")
    reason = StepReason(word) if word in set(StepReason) else None
    try:
        completed = Indexes.parse(status.get("completedIndexes") or "")
        failed = Indexes.parse(status.get("failedIndexes") or "")
        taken_over = tuple(
            TakenOver(found["workflow"], found["uid"], Indexes.parse(found["indexes"]))
            for found in status.get("takenOver") or ()
        )
    except ValueError as error:
        raise InvalidGraph(f"{name}: its status cannot be read: {error}") from error
    if is_map:
        return Record(phase, reason, status.get("width"), completed, failed, taken_over)
    if phase in (StepPhase.PENDING, StepPhase.SKIPPED):
        return Record(phase, reason)
    completed = Indexes([0] if phase is StepPhase.SUCCEEDED else ())
    return Record(phase, reason, 1, completed, Indexes([0] if phase is StepPhase.FAILED else ()), taken_over)
