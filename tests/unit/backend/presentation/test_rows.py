"""A task as a row: whatever is in it, and whatever is not."""

from datetime import UTC, datetime

from django_tasks_kubernetes.presentation.rows import columns, row
from tests.unit.backend.resources import FAILED, attempt, resource

NOW = datetime(2026, 11, 23, 12, 1, 0, tzinfo=UTC)
BARE = {"metadata": {"name": "bare"}, "spec": {"task": "shop.tasks.send"}}


def test_row_of_a_bare_resource() -> None:
    made = row(BARE)
    assert (made.phase, made.status, made.queue, made.attempts, made.pod, made.enqueued_at) == (
        "Queued", "READY", "default", 0, "", None,
    )  # fmt: skip
    assert columns(made, NOW, wide=True, namespaces=True)["AGE"] == ""


def test_row_of_a_full_resource() -> None:
    found = resource(
        phase="Running", reason="NodeLost", startedAt="2026-11-23T12:00:30Z", attempts=[FAILED, attempt(2)],
        progress={"done": 3, "total": 10, "text": "3/10", "message": "three\x07", "attempt": 2},
    )  # fmt: skip
    made = row(found)
    assert (made.attempts, made.pod, made.done, made.total, made.message) == (2, "one-2", 3, 10, "three\\x07")
    assert columns(made, NOW, wide=False, namespaces=False) == {
        "ID": "one", "TASK": "shop.tasks.send", "QUEUE": "mail", "PHASE": "Running", "PROGRESS": "3/10",
        "ATTEMPTS": "2", "REASON": "NodeLost", "AGE": "60s",
    }  # fmt: skip
    assert list(columns(made, NOW, wide=True, namespaces=True)) == [
        "NAMESPACE", "ID", "TASK", "QUEUE", "PHASE", "PROGRESS", "ATTEMPTS", "REASON", "POD", "STARTED", "FINISHED",
        "WORKFLOW", "STEP", "AGE", "MESSAGE",
    ]  # fmt: skip


def test_row_of_a_workflows_task() -> None:
    part = {"name": "flow", "uid": "u", "step": "render", "index": 17}
    made = row(resource(spec={"workflow": part}))
    assert (made.workflow, made.step) == ("flow", "render[17]")
    assert row(resource(spec={"workflow": {"name": "flow", "uid": "u", "step": "publish"}})).step == "publish"


def test_row_of_an_unknown_phase() -> None:
    made = row(resource(phase="Paused", conditions=[{"type": "Complete", "status": "True"}]))
    assert (made.phase, made.status, made.is_finished) == ("Paused", "SUCCESSFUL", True)
