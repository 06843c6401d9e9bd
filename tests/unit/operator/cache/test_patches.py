"""A merge patch turns one state into the next, and names what goes away."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import Progress, QueueStatus, TaskStatus
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.cache.patches import difference, status_patch
from tests.support.builders import NOW, at
from tests.unit.operator.model.server import merged

FAILED = TaskStatus(phase=Phase.FAILED, reason=Reason.OOM_KILLED, message="m", finished_at=NOW)
READING = TaskStatus(
    phase=Phase.RUNNING, progress=Progress(done=1, total=2, message="reading", attempt=1, updated_at=NOW)
)
WRITING = TaskStatus(phase=Phase.RUNNING, progress=Progress(done=2, attempt=1, updated_at=at(1)))


@pytest.mark.parametrize("old", [TaskStatus(), FAILED, READING, WRITING])
@pytest.mark.parametrize("new", [TaskStatus(), FAILED, READING, WRITING])
def test_a_patched_status_is_the_new_one(old: TaskStatus, new: TaskStatus) -> None:
    def body(status: TaskStatus) -> dict[str, Any]:
        return status.model_dump(mode="json", by_alias=True, exclude_none=True)

    assert merged(body(old), status_patch(old, new)) == body(new)


def test_an_unchanged_status_is_patched_with_its_phase_alone() -> None:
    assert status_patch(FAILED, FAILED) == {"phase": "Failed"}


def test_an_unchanged_queue_needs_no_patch() -> None:
    assert difference(QueueStatus(queued=1), QueueStatus(queued=1)) == {}
