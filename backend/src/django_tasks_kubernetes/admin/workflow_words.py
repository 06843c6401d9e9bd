"""What the command line says of a workflow in English, in the reader's language. Pure, but for the language."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext, gettext_noop

from django_tasks_kubernetes.admin.cells import span
from django_tasks_kubernetes.admin.charts import seconds
from django_tasks_kubernetes.admin.task_facts import Fact
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.text import moment, safe
from django_tasks_kubernetes.presentation.workflow_pages import workflow_facts, workflow_times
from django_tasks_kubernetes.presentation.workflow_tree import StepView

LABELS: Final = (
    gettext_noop("ID"), gettext_noop("Namespace"),
    gettext_noop("Workflow"), gettext_noop("Queue"), gettext_noop("Phase"),
    gettext_noop("Reason"), gettext_noop("Message"), gettext_noop("Progress"), gettext_noop("Active"),
    gettext_noop("Priority"), gettext_noop("At most at once"), gettext_noop("Timeout"), gettext_noop("Retry of"),
    gettext_noop("Enqueued by"), gettext_noop("Schedule"), gettext_noop("Scheduled for"),
    gettext_noop("Idempotency key"), gettext_noop("Enqueued"), gettext_noop("Started"), gettext_noop("Finished"),
    gettext_noop("Took"), gettext_noop("Suspended"), gettext_noop("Cancel"),
)  # fmt: skip
NOTES: Final = (
    gettext_noop("on failure"), gettext_noop("always"), gettext_noop("in chunks of %(number)s"),
    gettext_noop("%(number)s failed"), gettext_noop("taken over"), gettext_noop("%(number)s taken over"),
    gettext_noop("also after %(steps)s"),
)  # fmt: skip


def facts_of(resource: Resource, now: datetime) -> Iterator[Fact]:
    """The lines at the top of its page; times are in the reader's zone."""
    times, words = dict(workflow_times(resource)), dict(_words(resource))
    for label, text in workflow_facts(resource, now):
        yield Fact(gettext(label), words.get(label, text), at=moment(times.get(label)))


def note(step: StepView) -> str:
    """What is said beside a step."""
    return ", ".join(gettext(text) % given for text, given in step.notes)


def _words(resource: Resource) -> Iterator[tuple[str, str]]:
    """Of the lines whose values are no names or numbers."""
    spec: Mapping[str, Any] = resource["spec"]
    status: Mapping[str, Any] = resource.get("status") or {}
    yield "Took", span(moment(status.get("startedAt")), moment(status.get("finishedAt")))
    yield "Timeout", seconds((spec.get("policy") or {}).get("timeoutSeconds"))
    yield "Suspended", gettext("No more tasks are created.")
    yield "Cancel", safe(spec.get("cancelReason") or gettext("requested"))
