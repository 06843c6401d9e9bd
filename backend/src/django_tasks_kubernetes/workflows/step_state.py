"""What is known of the steps of a workflow, and how far it is."""

from dataclasses import dataclass
from datetime import datetime

from djangotasks_api.workflow.records import StepPhase


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step of a workflow."""

    name: str
    task: str
    """The path of its task."""
    phase: StepPhase
    reason: str | None
    message: str | None
    """Why it failed, as a sentence."""
    width: int | None
    """How many tasks it has. None before that is known."""
    completed: frozenset[int]
    """The indexes whose task succeeded; of a step that is no map, 0."""
    failed: frozenset[int]
    started_at: datetime | None
    """When its first task could be created."""
    finished_at: datetime | None
    """When its last task was over. None of a step that did not begin."""


@dataclass(frozen=True, slots=True)
class WorkflowProgress:
    """How far a workflow is."""

    done: int
    """Tasks that are over, or will never be."""
    total: int
    """Tasks that are known so far."""
