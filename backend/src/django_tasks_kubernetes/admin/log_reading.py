"""The log of an attempt: as its container has it, where the web app may read that; else what the task has kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_tasks_kubernetes.admin.cells import grouped
from django_tasks_kubernetes.admin.nav import for_superusers
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import kept
from django_tasks_kubernetes.codec.resource import Resource, status_of
from django_tasks_kubernetes.kube.rights import role_commands
from django_tasks_kubernetes.logs.container_log import Answer, ContainerLog
from django_tasks_kubernetes.presentation.rows import FINISHED
from django_tasks_kubernetes.presentation.text import safe

BYTES_MAX: Final = 256 * 1024
# Of long lines fewer fit. The API server gives the beginning of what it is asked for, and the end is wanted.
LINES: Final = (1000, 100, 10, 1)
# Before each line, as the API server writes it.
TIME_CHARS: Final = len("2026-11-30T12:00:00.123456789Z ")
# As terminals are asked for colours.
COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the API server said."""

    answer: Answer
    text: str = ""
    message: str = ""
    lines: int = LINES[0]
    """How many of its last lines these are at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPane:
    """What is shown."""

    number: int
    """Of the attempt."""
    pod: str
    text: str
    words: str
    """What the text is, or why there is none."""
    missing: str
    """Which right is missing."""
    grows: bool
    """Whether there may be more in a moment."""


def log_pane(
    request: HttpRequest, place: Place, resource: Resource, attempt: Mapping[str, Any], *, fresh: bool
) -> LogPane:
    """One request, where the attempt has had a container; kept for a while, as all reads of pages."""
    number, pod = attempt.get("number") or 0, str(attempt.get("pod") or "")
    grows = not attempt.get("finishedAt") and status_of(resource.get("status") or {}) not in FINISHED
    read = None
    if place.client is not None and pod and has_run(attempt):
        read = kept(place, ("log", pod), lambda: read_log(place.client, pod), fresh=fresh).value
    text, words = _shown(request, resource, number, read, grows=grows)
    missing = ""
    if read is not None and read.answer is Answer.FORBIDDEN:
        missing = for_superusers(request, _granting(place, read.message), _("Ask your administrator."))
    return LogPane(number=number, pod=safe(pod), text=text, words=words, missing=missing, grows=grows)


def has_run(attempt: Mapping[str, Any]) -> bool:
    """Whether the operator has seen the pod of the attempt. A name alone proves nothing: a task may be named so that
    another pod of the namespace has the name that its pod would have."""
    return any(attempt.get(name) is not None for name in ("startedAt", "node", "exitCode"))


def read_log(client: Any, pod: str) -> Read:
    """The end of the log, as far as it fits a page."""
    for lines in LINES:
        log, found, size = ContainerLog(client, pod), list[bytes](), 0
        answer = Answer.BROKEN
        for part in log.read(follow=False, tail=lines, most_bytes=BYTES_MAX):
            if isinstance(part, Answer):
                answer = part
                break
            found.append(part)
            size += len(part) + TIME_CHARS
        if size < BYTES_MAX or lines == LINES[-1]:
            break
    text = COLOURS.sub("", b"".join(found).decode(errors="replace"))
    return Read(answer=answer, text=safe(text, lines=True).rstrip(), message=safe(log.message), lines=lines)


def attempt_of(resource: Resource, number: int | None) -> Mapping[str, Any] | None:
    """The attempt of that number, by default the last; None where there is none."""
    attempts = (resource.get("status") or {}).get("attempts") or []
    found = [one for one in attempts if number is None or one.get("number") == number]
    return found[-1] if found else None


def _shown(request: HttpRequest, resource: Resource, number: int, read: Read | None, *, grows: bool) -> tuple[str, str]:
    """The text, and the words about it."""
    if read is not None and (read.answer is Answer.READ or read.text):
        if not read.text:
            return "", _("It has written nothing.") if not grows else _("It has written nothing yet.")
        last = _("Its last lines, at most %(number)s.") % {"number": grouped(read.lines)}
        return read.text, last if read.lines > 1 else _("The beginning of its last line, which is too long.")
    tail = (resource.get("status") or {}).get("logTail") or {}
    if tail.get("attempt") == number and tail.get("text"):
        return safe(tail["text"], lines=True).rstrip(), _("The end of its log, as it was kept with the task.")
    return "", _nothing(request, read, grows=grows)


def _nothing(request: HttpRequest, read: Read | None, *, grows: bool) -> str:
    match read.answer if read is not None else None:
        case None | Answer.WAITING:
            return _("Its container has not started.") if grows else _("It has no log, and no end of one was kept.")
        case Answer.GONE:
            return _("Its pod is gone, and no end of its log was kept with the task.")
        case Answer.FORBIDDEN:
            return _("No end of its log is kept with the task.")
        case _:
            why = for_superusers(request, read.message if read is not None else "", _("Ask your administrator."))
            return _("The log cannot be read now: %(why)s") % {"why": why}


def _granting(place: Place, message: str) -> str:
    namespace = place.client.namespace
    grant = role_commands("read-task-logs", namespace, "--verb=get --resource=pods/log", message)
    return _(
        "%(message)s. The chart djangotasks-web-app grants it with admin.logs=true, for every pod of the namespace. "
        "Without the chart: %(grant)s."
    ) % {"message": message, "grant": grant}
