"""Why tasks wait, queue by queue, in sentences. Pure, but for the language."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from django_tasks_kubernetes.admin.cells import grouped
from django_tasks_kubernetes.admin.figures import QueueFigures
from django_tasks_kubernetes.admin.queue_lines import QueueLine

# Reasons of the condition Ready of a queue that starts nothing and is well.
SUSPENDED: Final = "Suspended"
SHOWN_MAX: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One reason for which tasks of a queue wait."""

    queue: str
    words: str
    reason: str = ""
    """Of the tasks that wait for it, where that is what is wrong; empty where it is the queue's."""
    is_wrong: bool = True
    """Whether somebody has to do something; else it was meant so, or passes."""


def causes(
    figures: Iterable[QueueFigures], lines: Mapping[str, QueueLine], messages: Mapping[tuple[str, str], str]
) -> list[Cause]:
    """What is wrong first. `lines`: of the queues that may be read, by name. `messages`: of a task, by queue and
    reason."""
    found = [cause for one in figures if one.waiting for cause in _of(one, lines.get(one.queue), messages)]
    return sorted(found, key=lambda cause: not cause.is_wrong)[:SHOWN_MAX]


def _of(figures: QueueFigures, line: QueueLine | None, messages: Mapping[tuple[str, str], str]) -> Iterator[Cause]:
    queue = figures.queue
    if line is not None:
        yield from causes_of(line, figures.waiting)
    for reason, number in figures.reasons:
        words = ngettext("%(number)s task: %(reason)s", "%(number)s tasks: %(reason)s", number)
        text = words % {"number": grouped(number), "reason": reason}
        if message := messages.get((queue, reason)):
            text = f"{text}: {message}"
        yield Cause(queue=queue, words=text, reason=reason)


def causes_of(line: QueueLine, waiting: int) -> Iterator[Cause]:
    """Why a queue starts none of so many tasks that wait; nothing where it would."""
    if line.ready is False:
        yield Cause(queue=line.name, words=": ".join(one for one in (line.reason, line.message) if one))
    elif line.hold is not None and line.hold.concurrency <= line.running:
        words = _("It is held by %(by)s: %(effect)s") % {"by": line.hold.by or "–", "effect": line.hold.effect}
        yield Cause(
            queue=line.name, words=f"{words} ({line.hold.reason})" if line.hold.reason else words, is_wrong=False
        )
    elif line.reason == SUSPENDED:
        yield Cause(queue=line.name, words=_("It is suspended."), is_wrong=False)
    elif line.concurrency is not None and line.running >= line.concurrency:
        words = _("%(running)s of %(limit)s run, and %(number)s wait for their turn.")
        numbers = {"running": line.running, "limit": line.concurrency, "number": grouped(waiting)}
        yield Cause(queue=line.name, words=words % numbers, is_wrong=False)


def asked_about(figures: Iterable[QueueFigures], most: int) -> list[tuple[str, str]]:
    """The pairs of a queue and a reason that most tasks wait for."""
    pairs = [(number, one.queue, reason) for one in figures for reason, number in one.reasons]
    return [(queue, reason) for _number, queue, reason in sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:most]]
