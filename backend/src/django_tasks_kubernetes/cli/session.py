"""What the shells give the verbs, and how verbs end."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Protocol

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.store import TaskStore, is_workflow
from django_tasks_kubernetes.watch.subscription import Subscription

if TYPE_CHECKING:
    from django_tasks_kubernetes.kube.client import Client

# As of git: shorter ones are taken for names.
PREFIX_MIN_CHARS: Final = 4
UUID_CHARS: Final = 36
SHOWN_IDS: Final = 5


class AmbiguousId(TaskException):
    """Several tasks' ids begin or end like that."""


class IsWorkflow(TaskException):
    """The id is not that of a task."""

    def __init__(self, id_: str) -> None:
        super().__init__(f"{id_!r} is a workflow, and no task. See it with: workflows show {id_}")


class Code(IntEnum):
    """How a command ended."""

    OK = 0
    """All that was asked for was done."""
    FAILED = 1
    """A task failed, does not exist or can no longer be changed; or the cluster did not answer."""
    USAGE = 2
    """The command line is wrong."""
    TIMEOUT = 3
    """`watch --timeout`: the tasks are not finished."""
    INTERRUPTED = 130
    """By Ctrl-C."""


class Tasks(Protocol):
    """What of a TaskStore the verbs need."""

    def get(self, name: str) -> Resource: ...

    def cancel(self, name: str, reason: str) -> Resource: ...

    def find(self, selector: str) -> Iterable[Resource]: ...

    def subscribe(self, subscription: Subscription) -> Callable[[], None]: ...

    def names(self) -> Iterator[str]: ...

    @property
    def workflows(self) -> TaskStore: ...


@dataclass
class Session:
    """What a verb works with."""

    tasks: Tasks
    """Where the tasks are."""

    client: "Client"
    """For logs, and for watches of many tasks."""

    retry: Callable[[str], str]
    """Enqueues a task once more, and returns the new one's id."""

    output: Output
    requested_by: str = ""
    """The reason of a cancellation for which none is given."""

    def get(self, name: str) -> Resource:
        """The task. Raises TaskResultDoesNotExist, and IsWorkflow."""
        try:
            return self.tasks.get(name)
        except TaskResultDoesNotExist:
            if is_workflow(self.tasks, name):
                raise IsWorkflow(name) from None
            raise

    def name_of(self, id_: str) -> str:
        """The task's name, of an id, its beginning or its end, which tells those apart that were enqueued together; or
        as kubectl names it: djangotask/ID. Not every name that is returned exists. Raises TaskResultDoesNotExist and
        AmbiguousId."""
        text = valid_name(id_.rpartition("/")[2].lower())
        if not PREFIX_MIN_CHARS <= len(text) < UUID_CHARS:
            return text
        found = sorted({name for name in self.tasks.names() if name.startswith(text) or name.endswith(text)})
        if text in found or not found:
            return text
        if len(found) > 1:
            if is_workflow(self.tasks, text):
                raise IsWorkflow(text)
            more = f" and {len(found) - SHOWN_IDS} more" if len(found) > SHOWN_IDS else ""
            raise AmbiguousId(f"Several ids begin or end with {text!r}: {', '.join(found[:SHOWN_IDS])}{more}.")
        return found[0]
