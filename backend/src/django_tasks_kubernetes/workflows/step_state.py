"""What is known of the steps of a workflow, and how far it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


def never_there(steps: Sequence[Mapping[str, Any]], name: str, index: int | None, width: int | None) -> str | None:
    """Why there can be no task of that step and that item, if so. `width`: how many items it has, if that is known."""
    drawn = next((step for step in steps if step["name"] == name), None)
    if drawn is None:
        return f"The workflow has no step {name!r}. There are: {', '.join(step['name'] for step in steps)}."
    if "map" in drawn and index is None:
        return f"The step {name} has a task for each item: give the index of one, from 0 on."
    if "map" not in drawn and index is not None:
        return f"The step {name} has one task, which has no index."
    if index is not None and width is not None and not 0 <= index < width:
        return f"The step {name} has {width:,} items, and none of them has the index {index}."
    return None
