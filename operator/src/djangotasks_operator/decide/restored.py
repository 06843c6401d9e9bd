"""Hold tasks that were restored from a backup: they may have run before, and the cluster does not know. Pure."""

from datetime import datetime, timedelta

from djangotasks_api.names import RESTORED_LABELS
from djangotasks_api.phases import Reason
from djangotasks_operator.decide.actions import Action, Wait, WriteStatus
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.status import transitions

# Velero creates an object first, without its status, and then writes the status: which must find the object unchanged.
STATUS_RESTORE_SECONDS = 10


def restored_from_backup(snapshot: Snapshot, now: datetime) -> Action | None:
    """Hold the task until a person decides. Its status, if that is restored too, says whether it had ended."""
    task = snapshot.task
    label = next((label for label in RESTORED_LABELS if label in (task.metadata.labels or {})), None)
    if label is None:
        return None
    if task.status.reason is Reason.RESTORED:
        return Wait()
    created_at = task.metadata.creation_timestamp or now
    if now < (settled_at := created_at + timedelta(seconds=STATUS_RESTORE_SECONDS)):
        return Wait(settled_at)
    message = (
        f"The task was restored from a backup (label {label}), and may have run before. To run it: "
        f"kubectl label djangotask {task.metadata.name} {label}-. Otherwise cancel or delete it."
    )
    return WriteStatus(transitions.waiting(task.status, Reason.RESTORED, message))
