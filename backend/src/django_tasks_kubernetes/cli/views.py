"""What people see of a DjangoTask, made from the raw resource. Pure.

Resources are read leniently, as by the codec: a field that is missing, or a phase that only a newer operator knows, is
no reason to show nothing.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec import EMPTY, Resource, payload_text, status_of
from django_tasks_kubernetes.exceptions import InvalidPayload
from djangotasks_api.phases import Phase

# Of a payload or a result. Whoever wants more reads the resource.
DATA_MAX_CHARS: Final = 10_000
FINISHED: Final = (TaskResultStatus.SUCCESSFUL, TaskResultStatus.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A task in a table."""

    id: str
    namespace: str
    task: str
    queue: str
    phase: str
    status: TaskResultStatus
    progress: str
    done: float | None
    total: float | None
    attempts: int
    reason: str
    message: str
    pod: str
    enqueued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.id

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


def row(resource: Resource) -> Row:
    metadata, spec, status = resource["metadata"], resource["spec"], resource.get("status") or {}
    attempts, progress = status.get("attempts") or [], status.get("progress") or {}
    return Row(
        id=metadata["name"],
        namespace=metadata.get("namespace", ""),
        task=safe(spec["task"]),
        queue=spec.get("queue", "default"),
        phase=safe(status.get("phase") or Phase.QUEUED),
        status=status_of(status),
        progress=safe(progress.get("text") or ""),
        done=progress.get("done"),
        total=progress.get("total"),
        attempts=attempts[-1].get("number", len(attempts)) if attempts else 0,
        reason=safe(status.get("reason") or ""),
        message=safe(progress.get("message") or ""),
        pod=attempts[-1].get("pod", "") if attempts else "",
        enqueued_at=moment(spec.get("enqueuedAt") or metadata.get("creationTimestamp")),
        started_at=moment(status.get("startedAt")),
        finished_at=moment(status.get("finishedAt")),
    )


def columns(row: Row, now: datetime, *, wide: bool, namespaces: bool) -> dict[str, str]:
    """The cells of a table by their headings."""
    cells = {"NAMESPACE": row.namespace} if namespaces else {}
    cells |= {
        "ID": row.id,
        "TASK": row.task,
        "QUEUE": row.queue,
        "PHASE": row.phase,
        "PROGRESS": row.progress,
        "ATTEMPTS": str(row.attempts or ""),
        "REASON": row.reason,
    }
    if wide:
        cells |= {"POD": row.pod, "STARTED": age(row.started_at, now), "FINISHED": age(row.finished_at, now)}
    return cells | {"AGE": age(row.enqueued_at, now)}


def record(resource: Resource, *, whole: bool = False, payload: bool = False) -> dict[str, Any]:
    """The task as an object for programs. Names are those of Django's TaskResult where it has them; times are RFC 3339
    as the resource has them; what is not known is null. `whole`: with attempts. `payload`: with payload and result."""
    spec, status, shown = resource["spec"], resource.get("status") or {}, row(resource)
    progress = status.get("progress") or {}
    found: dict[str, Any] = {
        "id": shown.id,
        "namespace": shown.namespace,
        "task": spec["task"],
        "queue": shown.queue,
        "backend": spec.get("backend", "default"),
        "status": str(shown.status),
        "phase": status.get("phase") or Phase.QUEUED,
        "reason": status.get("reason"),
        "message": status.get("message"),
        "priority": spec.get("priority", 0),
        "attempts": shown.attempts,
        "interruptions": status.get("interruptions", 0),
        "progress": {name: progress.get(name) for name in ("done", "total", "message")} if progress else None,
        "pod": shown.pod or None,
        "enqueued_at": spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp"),
        "run_after": spec.get("runAfter"),
        "started_at": status.get("startedAt"),
        "finished_at": status.get("finishedAt"),
        "next_attempt_at": status.get("nextAttemptAt"),
        "retry_of": spec.get("retryOf"),
        "cancel": bool(spec.get("cancel")),
    }
    if whole:
        found["attempt_list"] = [_attempt_record(attempt) for attempt in status.get("attempts") or ()]
        found["log_tail"] = status.get("logTail")
        found["payload_ref"], found["result_ref"] = spec.get("payloadRef"), status.get("resultRef")
    if payload:
        for name, text in (("payload", payload_of(spec)), ("result", status.get("result"))):
            found[name] = cut(text) if text is not None else None
            found[f"{name}_is_cut"] = text is not None and len(text) > DATA_MAX_CHARS
    return found


def _attempt_record(attempt: Mapping[str, Any]) -> dict[str, Any]:
    error = attempt.get("error") or {}
    return {
        "number": attempt.get("number"),
        "pod": attempt.get("pod"),
        "image": attempt.get("image"),
        "started_at": attempt.get("startedAt"),
        "finished_at": attempt.get("finishedAt"),
        "exit_code": attempt.get("exitCode"),
        "reason": attempt.get("reason"),
        "message": attempt.get("message"),
        "exception": error.get("type"),
        "traceback": error.get("traceback"),
    }


def facts(resource: Resource, now: datetime) -> Iterator[tuple[str, str]]:
    """The lines at the top of a task's page: label and text."""
    spec, status, shown = resource["spec"], resource.get("status") or {}, row(resource)
    yield "ID", shown.id
    yield "Namespace", shown.namespace
    yield "Task", shown.task
    yield "Queue", shown.queue
    yield "Phase", f"{shown.phase} ({shown.status})" if shown.phase.upper() != shown.status else shown.phase
    for label, value in (
        ("Reason", status.get("reason")),
        ("Message", status.get("message")),
        ("Progress", " ".join(part for part in (shown.progress, shown.message) if part)),
        ("Priority", spec.get("priority")),
        ("Backend", spec.get("backend")),
        ("Retry of", spec.get("retryOf")),
        ("Idempotency key", spec.get("idempotencyKey")),
        ("Interruptions", status.get("interruptions")),
    ):
        if value:
            yield label, safe(str(value), lines=True)
    for label, text in (
        ("Enqueued", spec.get("enqueuedAt") or resource["metadata"].get("creationTimestamp")),
        ("Run after", spec.get("runAfter")),
        ("Expires", spec.get("expiresAt")),
        ("Started", status.get("startedAt")),
        ("Next attempt", status.get("nextAttemptAt")),
        ("Finished", status.get("finishedAt")),
    ):
        if text:
            yield label, _time(text, now)
    if spec.get("cancel"):
        yield "Cancel", safe(f"requested: {spec['cancelReason']}" if spec.get("cancelReason") else "requested")
    yield "Payload", _data(payload_of(spec), spec.get("payloadRef"))
    if status.get("result") is not None or status.get("resultRef"):
        yield "Result", _data(status.get("result"), status.get("resultRef"))
    if tail := status.get("logTail"):
        yield "Log", f"the end of attempt {tail.get('attempt')}'s is kept"


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
        if attempt.get("image"):
            parts.append(attempt["image"])
        error = attempt.get("error") or {}
        words = ": ".join(text for text in (attempt.get("reason"), attempt.get("message")) if text)
        yield AttemptView(
            safe(" · ".join(part for part in parts if part)),
            safe(words, lines=True),
            safe(error.get("traceback", ""), lines=True).rstrip(),
            bool(attempt.get("reason")),
        )


def data(resource: Resource) -> Iterator[tuple[str, str]]:
    """Payload and result as text, as far as they are in the resource."""
    for label, text in (
        ("Payload", payload_of(resource["spec"])),
        ("Result", (resource.get("status") or {}).get("result")),
    ):
        if text is not None:
            yield label, safe(cut(text), lines=True)


def payload_of(spec: Mapping[str, Any]) -> str | None:
    """As JSON text; None where it is in a storage, or cannot be unpacked."""
    if spec.get("payloadRef"):
        return None
    try:
        return payload_text(spec.get("payload", EMPTY), spec.get("payloadEncoding"))
    except InvalidPayload:
        return None


def cut(text: str) -> str:
    return text if len(text) <= DATA_MAX_CHARS else text[:DATA_MAX_CHARS] + "…"


def moment(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def age(then: datetime | None, now: datetime | None) -> str:
    """How long ago, as kubectl writes it: 5s, 3m20s, 2h, 4d."""
    if then is None or now is None:
        return ""
    seconds = max(int((now - then) / timedelta(seconds=1)), 0)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    return f"{days}d"


def safe(text: str, *, lines: bool = False) -> str:
    """Without what could move a terminal's cursor or pass for something else: such characters are shown as Python
    writes them. `lines`: its line breaks and tabs stay."""
    if text.isprintable():
        return text
    keep = "\n\t" if lines else ""
    return "".join(
        char if char.isprintable() or char in keep or unicodedata.category(char) == "Zs" else _escaped(char)
        for char in text
    )


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def _time(text: str, now: datetime) -> str:
    then = moment(text)
    if then is None:
        return safe(text)
    when = f"in {age(now, then)}" if then > now else f"{age(then, now)} ago"
    return f"{then.isoformat(sep=' ', timespec='seconds').replace('+00:00', ' UTC')} ({when})"


def _data(text: str | None, ref: Mapping[str, Any] | None) -> str:
    if ref:
        return safe(f"{ref.get('size', 0):,} bytes, in the storage {ref.get('storage')!r} as {ref.get('name')}")
    return "cannot be read" if text is None else f"{len(text.encode()):,} bytes"
