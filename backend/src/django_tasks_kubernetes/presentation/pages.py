"""All of one task, for people. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django_tasks_kubernetes.codec.resource import Resource, payload_of
from django_tasks_kubernetes.exceptions import UNSAID
from django_tasks_kubernetes.presentation.rows import row
from django_tasks_kubernetes.presentation.text import age, cut, mebibytes, moment, safe
from djangotasks_api.phases import Phase

# Of a result.
SHOWN_MAX_BYTES: Final = 2048


def facts(resource: Resource, now: datetime) -> Iterator[tuple[str, str]]:
    """The lines at the top of the page: label and text."""
    spec, status, shown = resource["spec"], resource.get("status") or {}, row(resource)
    yield "ID", shown.id
    yield "Namespace", shown.namespace
    yield "Task", shown.task
    yield "Queue", shown.queue
    yield "Phase", shown.phase
    yield "Django status", shown.status
    for label, value in (
        ("Reason", status.get("reason") or _unsaid(shown.phase, spec)),
        ("Message", status.get("message")),
        ("Progress", " ".join(part for part in (shown.progress, shown.message) if part)),
        ("Priority", spec.get("priority")),
        ("Backend", spec.get("backend")),
        ("Retry of", spec.get("retryOf")),
        ("Workflow", shown.workflow),
        ("Step", shown.step),
        ("Schedule", shown.schedule),
        ("Enqueued by", (spec.get("enqueuedBy") or {}).get("name")),
        ("Idempotency key", spec.get("idempotencyKey")),
        ("Interruptions", status.get("interruptions")),
    ):
        if value:
            yield label, safe(str(value), lines=True)
    for label, text in (
        ("Enqueued", spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp")),
        ("Scheduled for", spec.get("scheduledFor")),
        ("Run after", spec.get("runAfter")),
        ("Expires", spec.get("expiresAt")),
        ("Started", status.get("startedAt")),
        ("Next attempt", status.get("nextAttemptAt")),
        ("Finished", status.get("finishedAt")),
    ):
        if text:
            yield label, time_of(text, now)
    if spec.get("cancel"):
        yield "Cancel", safe(f"requested: {spec['cancelReason']}" if spec.get("cancelReason") else "requested")
    yield "Payload", _data(payload_of(spec), spec.get("payloadRef"))
    for found in spec.get("inputs") or ():
        yield "Input", safe(_input(found, spec.get("workflow") or {}))
    if status.get("result") is not None or status.get("resultRef"):
        yield "Result", _small(status.get("result")) or _data(status.get("result"), status.get("resultRef"))
    if tail := status.get("logTail"):
        yield "Log", f"the end of attempt {tail.get('attempt')}'s is kept"


def _unsaid(phase: str, spec: Mapping[str, Any]) -> str | None:
    """Why a task waits of which no reason is known, where it is due."""
    return f"none is known: {UNSAID}" if phase == Phase.QUEUED and not spec.get("runAfter") else None


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt: a heading, why it ended, and the traceback."""

    heading: str
    words: str
    traceback: str
    failed: bool


def attempts(resource: Resource, now: datetime) -> Iterator[AttemptView]:
    for attempt in (resource.get("status") or {}).get("attempts") or ():
        started, finished = moment(attempt.get("startedAt")), moment(attempt.get("finishedAt"))
        parts = [f"Attempt {attempt.get('number')}", attempt.get("pod", "")]
        if started is not None:
            parts.append(f"started {age(started, now)} ago" + (f", ran {age(started, finished)}" if finished else ""))
        if attempt.get("exitCode") is not None:
            parts.append(f"exit code {attempt['exitCode']}")
        parts += usage_of(attempt)
        parts += [attempt[field] for field in ("image", "node") if attempt.get(field)]
        error = attempt.get("error") or {}
        words = ": ".join(text for text in (attempt.get("reason"), attempt.get("message")) if text)
        yield AttemptView(
            safe(" · ".join(part for part in parts if part)),
            safe(words, lines=True),
            safe(error.get("traceback", ""), lines=True).rstrip(),
            bool(attempt.get("reason")),
        )


def usage_of(attempt: Mapping[str, Any]) -> Iterator[str]:
    """Peak memory, and CPU time, as far as they are known."""
    usage = attempt.get("usage") or {}
    if (memory := usage.get("memoryBytes")) is not None:
        limit = usage.get("memoryLimitBytes")
        yield f"memory {mebibytes(memory)}" + (f" of {mebibytes(limit)}" if limit else "")
    if (cpu := usage.get("cpuSeconds")) is not None:
        yield f"CPU {cpu:.1f} s"


def data(resource: Resource) -> Iterator[tuple[str, str]]:
    """Payload and result as text, each with its label, where they are in the resource, and not among the facts."""
    for label, text in (
        ("Payload", payload_of(resource["spec"])),
        ("Result", (resource.get("status") or {}).get("result")),
    ):
        if text is not None and not (label == "Result" and _small(text)):
            yield label, safe(cut(text), lines=True)


def _input(found: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """What of an argument is not in the payload, and where it is."""
    of = f"the result of step {found['step']}" if found.get("step") else "its item"
    pointer = f" at {found['pointer']}" if found.get("pointer") else ""
    return f"{found.get('into')}: {of}{pointer}, which the pod reads from workflow {part.get('name')}"


def _small(result: str | None) -> str | None:
    """A result that is shown at once; None for one that is large, or changes in a terminal."""
    if result is None or len(result.encode()) > SHOWN_MAX_BYTES or not result.isprintable():
        return None
    return result


def time_of(text: str, now: datetime) -> str:
    then = moment(text)
    if then is None:
        return safe(text)
    when = f"in {age(now, then)}" if then > now else f"{age(then, now)} ago"
    return f"{then.isoformat(sep=' ', timespec='seconds').replace('+00:00', ' UTC')} ({when})"


def _data(text: str | None, ref: Mapping[str, Any] | None) -> str:
    if ref:
        return safe(f"{ref.get('size', 0):,} bytes, in the storage {ref.get('storage')!r} as {ref.get('name')}")
    return "cannot be read" if text is None else f"{len(text.encode()):,} bytes"
