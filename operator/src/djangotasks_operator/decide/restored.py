"""Hold tasks and workflows that were restored from a backup: they may have run before, and nobody knows. Pure."""

from datetime import datetime, timedelta

from djangotasks_api.models.base import Metadata
from djangotasks_api.phases import Reason
from djangotasks_operator.decide.actions import Action, Wait, WriteStatus
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.decide.start_deadline import expires_at
from djangotasks_operator.status import transitions

# Velero creates an object first, without its status, and then writes the status: which must find the object unchanged.
STATUS_RESTORE = timedelta(seconds=10)


def settled_at(metadata: Metadata, now: datetime) -> datetime:
    """When the status of a restored object is restored as well, if it ever is."""
    return (metadata.creation_timestamp or now) + STATUS_RESTORE


def restored_message(what: str, resource: str, name: str, label: str) -> str:
    """What is said of an object that is held. `what`: a word for it. `resource`: as kubectl calls it."""
    return (
        f"The {what} was restored from a backup (label {label}), and may have run before. To run it: "
        f"kubectl label {resource} {name} {label}-. Otherwise cancel or delete it."
    )


def restored_from_backup(snapshot: Snapshot, now: datetime) -> Action | None:
    """Hold the task until a person decides. Its status, if that is restored too, says whether it had ended."""
    task = snapshot.task
    if (label := task.metadata.restored_label) is None:
        return None
    is_said = task.status.reason is Reason.RESTORED
    if not is_said and now < (settled := settled_at(task.metadata, now)):
        return Wait(settled)
    deadline = expires_at(task)
    if deadline is not None and deadline <= now:
        # It expires, as it would without the label.
        return None
    if is_said:
        return Wait(deadline)
    message = restored_message("task", "djangotask", task.metadata.name, label)
    return WriteStatus(transitions.waiting(task.status, Reason.RESTORED, message))
