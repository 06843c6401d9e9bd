"""What people can do with tasks: each action's permission, its guard, and its write."""

import hashlib
import re
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.core.exceptions import ImproperlyConfigured
from django.tasks.exceptions import TaskException
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_tasks_kubernetes.admin.failures import retried
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.rows import Row, row
from djangotasks_api.bounds import CANCEL_REASON_MAX_CHARS
from djangotasks_api.names import RETRY_OF_LABEL
from djangotasks_api.task_ids import new_id

NONCE: Final = re.compile("([0-9]{1,15})-[0-9a-f]{32}")


def new_nonce() -> str:
    """Of one form: sent twice, it does all once."""
    return f"{time.time_ns() // 1_000_000}-{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a form says."""

    user: str
    reason: str
    nonce: str

    @property
    def words(self) -> str:
        """Who, and why."""
        return f"{self.user}: {self.reason}" if self.reason else self.user

    def new_id(self, of: str) -> str:
        """The id of the task that repeats another: the same for the same form."""
        found = NONCE.fullmatch(self.nonce)
        if found is None:
            raise ValueError("The form has no nonce.")
        chance = hashlib.sha256(f"{self.nonce} {of}".encode()).digest()[:8]
        return new_id(int(found[1]), int.from_bytes(chance) >> 2)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with a task."""

    task: str
    """Its path."""
    made: str = ""
    """The name of the task that was made."""


class Action(ABC):
    name: ClassVar[str]
    permission: ClassVar[str]
    label: ClassVar[Any]
    question: ClassVar[Any]
    button: ClassVar[Any]
    consequence: ClassVar[Any]
    done: ClassVar[Any]
    """For the log of the admin."""
    needs_resource: ClassVar[bool] = False

    def missing(self, place: Place) -> str:
        """Which right the web app's account lacks for it, as far as that is known before; empty where it has all."""
        return ""

    def done_before(self, place: Place, rows: Sequence[Row]) -> int:
        """With how many of these it was done before, where it would have another effect each time."""
        return 0

    @abstractmethod
    def refuses(self, row: Row) -> str:
        """Why it leaves a task alone; empty where it does not. Asked for the page that confirms it, and again at the
        write."""

    @abstractmethod
    def run(self, place: Place, name: str, resource: Resource | None, asked: Asked) -> Done | str:
        """Does it; returns why not, where the task is left alone. Raises TaskException."""


class Cancel(Action):
    name = "cancel"
    permission = "change_task"
    label = gettext_lazy("Cancel")
    question = gettext_lazy("Cancel these tasks?")
    button = gettext_lazy("Yes, cancel")
    consequence = gettext_lazy("Those that wait are not started. The pods of those that run are stopped.")
    done = gettext_lazy("Cancelled.")

    def refuses(self, row: Row) -> str:
        return _("has ended already") if row.is_finished else ""

    def run(self, place: Place, name: str, resource: Resource | None, asked: Asked) -> Done | str:
        found = place.store.cancel(name, asked.words[:CANCEL_REASON_MAX_CHARS])
        shown = row(found)
        # Of the cluster: the phase follows when its pod is gone. One that was cancelled before counts as done.
        if shown.is_finished and not found["spec"].get("cancel") and shown.phase != "Cancelled":
            return self.refuses(shown)
        return Done(shown.task)


class Again(Action):
    name = "again"
    permission = "retry_task"
    label = gettext_lazy("Enqueue once more")
    question = gettext_lazy("Enqueue these tasks once more?")
    button = gettext_lazy("Yes, enqueue")
    consequence = gettext_lazy("Each becomes a new task with the same arguments and options.")
    done = gettext_lazy("Enqueued once more.")

    def refuses(self, row: Row) -> str:
        return "" if row.is_finished else _("has not ended")

    def done_before(self, place: Place, rows: Sequence[Row]) -> int:
        """By somebody else, or from the list, which does not show it: one request for one task, else those of
        retried()."""
        # It is a hint. What cannot be asked, the write says.
        with suppress(TaskException, ImproperlyConfigured):
            if len(rows) == 1:
                return len(place.page(labels=f"{RETRY_OF_LABEL}={rows[0].id}", limit=1).rows)
            known = retried(place) if rows else ()
            return sum(row.id in known for row in rows)
        return 0

    def run(self, place: Place, name: str, resource: Resource | None, asked: Asked) -> Done | str:
        result = place.backend.retry(name, as_id=asked.new_id(place.pk(name)), requested_by=asked.words)
        return Done(result.task.module_path, result.id)


class Delete(Action):
    name = "delete"
    permission = "delete_task"
    label = gettext_lazy("Delete")
    question = gettext_lazy("Delete these tasks?")
    button = gettext_lazy("Yes, delete")
    consequence = gettext_lazy(
        "They are gone, with their results and their logs. The pods of those that run are stopped, and nobody is "
        "notified of their end."
    )
    done = gettext_lazy("Deleted.")
    needs_resource = True

    def missing(self, place: Place) -> str:
        """The one action that the web app's Role is not enough for: one request."""
        # What cannot be asked, the write says.
        with suppress(TaskException):
            if place.client is not None and not place.client.may("delete"):
                return _("The web app's account may not delete tasks. Set admin.delete: true of its chart.")
        return ""

    def refuses(self, row: Row) -> str:
        return ""

    def run(self, place: Place, name: str, resource: Resource | None, asked: Asked) -> Done | str:
        if resource is None:
            raise TypeError("It deletes what was read.")
        place.delete(name, resource["metadata"].get("uid"))
        return Done(row(resource).task)


ACTIONS: Final[dict[str, Action]] = {action.name: action for action in (Cancel(), Again(), Delete())}
