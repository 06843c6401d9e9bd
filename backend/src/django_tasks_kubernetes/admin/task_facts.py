"""What is known of a task, as lines of a label and a value. Pure, but for the language."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.rows import row, step_text
from django_tasks_kubernetes.presentation.text import mebibytes, moment, safe


class Links(Protocol):
    """Addresses of other pages; empty where there is none."""

    def task(self, name: str) -> str: ...

    def workflow(self, name: str) -> str: ...

    def schedule(self, name: str) -> str: ...

    def tasks(self, **parameters: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    text: str = ""
    url: str = ""
    at: datetime | None = None
    """A time, in the place of a text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptCard:
    """One attempt."""

    number: int
    pod: str
    node: str
    image: str
    exit_code: int | None
    memory: str
    """The most at once, with its unit, and of how much; empty where that is not known."""
    cpu: str
    started_at: datetime | None
    finished_at: datetime | None
    reason: str
    message: str
    exception: str
    traceback: str
    log: str
    """The end of its log, where that was kept."""
    is_last: bool


def headline(resource: Resource) -> str:
    """Why the task is in its phase, in one sentence or some; empty where there is nothing to say."""
    status = resource.get("status") or {}
    words = [status.get("reason"), (status.get("message") or "").strip()]
    return safe(": ".join(word for word in words if word), lines=True)


def facts_of(resource: Resource, links: Links) -> Iterator[Fact]:
    spec, status, shown = resource["spec"], resource.get("status") or {}, row(resource)
    # A theme may have no title on its pages.
    yield Fact(_("Task"), shown.task, links.tasks(task=shown.task))
    yield Fact(_("Id"), shown.id)
    yield Fact(_("Queue"), shown.queue)
    for label, value in (
        (_("Priority"), spec.get("priority")),
        (_("Backend"), spec.get("backend")),
        (_("Idempotency key"), spec.get("idempotencyKey")),
        (_("Interruptions"), status.get("interruptions")),
    ):
        if value:
            yield Fact(label, safe(str(value)))
    for label, at in (
        (_("Enqueued"), spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp")),
        (_("Not before"), spec.get("runAfter")),
        (_("Expires"), spec.get("expiresAt")),
        (_("Started"), status.get("startedAt")),
        (_("Next attempt"), status.get("nextAttemptAt")),
        (_("Finished"), status.get("finishedAt")),
    ):
        if at:
            yield Fact(label, safe(str(at)), at=moment(at))
    yield from _related(spec, links)
    if spec.get("cancel"):
        yield Fact(_("Cancellation"), safe(spec.get("cancelReason") or _("requested")))


def _related(spec: Mapping[str, Any], links: Links) -> Iterator[Fact]:
    if name := (spec.get("enqueuedBy") or {}).get("name"):
        yield Fact(_("Enqueued by"), safe(name), links.task(name))
    if name := spec.get("retryOf"):
        yield Fact(_("Retry of"), safe(name), links.task(name))
    part = spec.get("workflow") or {}
    if name := part.get("name"):
        yield Fact(_("Workflow"), safe(name), links.workflow(name))
        yield Fact(_("Step"), safe(step_text(part.get("step") or "", part.get("index"))))
    if name := spec.get("schedule"):
        yield Fact(_("Schedule"), safe(name), links.schedule(name))


def attempts_of(resource: Resource) -> list[AttemptCard]:
    """The last one first: it says how the task is, or how it ended."""
    status = resource.get("status") or {}
    attempts, tail = status.get("attempts") or [], status.get("logTail") or {}
    return [
        _card(attempt, tail, is_last=place == len(attempts)) for place, attempt in reversed([*enumerate(attempts, 1)])
    ]


def _card(attempt: Mapping[str, Any], tail: Mapping[str, Any], *, is_last: bool) -> AttemptCard:
    error, usage = attempt.get("error") or {}, attempt.get("usage") or {}
    cpu = usage.get("cpuSeconds")
    has_log = tail.get("attempt") == attempt.get("number")
    return AttemptCard(
        number=attempt.get("number") or 0,
        pod=safe(attempt.get("pod") or ""),
        node=safe(attempt.get("node") or ""),
        image=safe(attempt.get("image") or ""),
        exit_code=attempt.get("exitCode"),
        memory=_memory(usage),
        cpu="" if cpu is None else _("%(number)s s") % {"number": number_format(cpu, 1, force_grouping=True)},
        started_at=moment(attempt.get("startedAt")),
        finished_at=moment(attempt.get("finishedAt")),
        reason=safe(attempt.get("reason") or ""),
        message=safe(attempt.get("message") or "", lines=True),
        exception=safe(error.get("type") or ""),
        traceback=safe(error.get("traceback") or "", lines=True).rstrip(),
        log=safe(tail.get("text") or "", lines=True).rstrip() if has_log else "",
        is_last=is_last,
    )


def _memory(usage: Mapping[str, Any]) -> str:
    memory, limit = usage.get("memoryBytes"), usage.get("memoryLimitBytes")
    if memory is None:
        return ""
    words = _("%(memory)s of %(limit)s") if limit else "%(memory)s"
    return words % {"memory": mebibytes(memory), "limit": mebibytes(limit or 0)}
