"""The queues: whether they work, how much they have to do, and who holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.admin.utils import quote
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.links import links
from django_tasks_kubernetes.admin.nav import problem_of
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.queue_lines import QueueLine, lines_of, lines_of_tasks
from django_tasks_kubernetes.admin.reading import View, kept, read
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import PermissionDenied
from djangotasks_api.phases import TERMINAL_PHASES

UNFINISHED = ",".join(f"status.phase!={phase}" for phase in sorted(TERMINAL_PHASES))
# What the page shows of a queue. The pod template, which may be large, is not kept.
SHOWN = ("concurrency", "rateLimit", "suspended")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the page, and the addresses of what can be done with its queue."""

    line: QueueLine
    pk: str
    links: list[tuple[str, str]]
    """To other systems."""


class QueuesPage(Page):
    name = "queues"
    title = _("Queues")
    permission = "view_queue"
    parts = ("queues",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        fresh, now = is_fresh(request), datetime.now(UTC)
        queues = kept(place, "queues", lambda: read_queues(place), fresh=fresh)
        answer: Answer[Any] = queues
        lines: list[QueueLine] = []
        is_refused = isinstance(queues.problem, PermissionDenied)
        is_away = queues.problem is not None and not is_refused
        # One that does not answer is not asked twice: each request has its time to fail.
        holds = None if is_away else held(place, fresh=fresh)
        # Where they cannot be read, what the operator goes by is newer than what was read before.
        by_queue = None if holds is None or holds.problem is not None else holds.value
        if not is_away and (is_refused or queues.value is None):
            answer = tasks = read(place, View(fields=UNFINISHED), fresh=fresh)
            lines = [] if tasks.value is None else lines_of_tasks(tasks.value.rows, by_queue, now)
        elif queues.value is not None:
            lines = lines_of(queues.value, by_queue, now)
        allowed = self.admin.queues_for(request)
        lines = [line for line in lines if (allowed is None or line.name in allowed) and name in ("", line.name)]
        if name and not lines and answer.problem is None:
            raise Http404
        return {
            "answer": answer,
            "entries": [Entry(line, quote(place.pk(line.name)), _links(place, line.name)) for line in lines],
            "queues_missing": problem_of(queues.problem, request) if is_refused and queues.problem else None,
            "holds_missing": problem_of(holds.problem, request) if holds is not None and holds.problem else None,
            "and_backend": place.parameter,
            "has_standby": any(line.standby is not None for line in lines),
            "may_hold": by_queue is not None and may(request, "hold_queue"),
            "one": name,
        }


def known_lines(place: Place, now: datetime, *, fresh: bool) -> dict[str, QueueLine]:
    """The queues by name, as far as they may be read: two requests, which the page of queues makes as well."""
    queues = kept(place, "queues", lambda: read_queues(place), fresh=fresh)
    if not queues.value:
        return {}
    holds = None
    if queues.problem is None and (answer := held(place, fresh=fresh)).problem is None:
        holds = answer.value
    return {line.name: line for line in lines_of(queues.value, holds, now)}


def read_queues(place: Place) -> list[Resource] | None:
    """The queues, without their pod templates. None where tasks are in memory, and have no queues."""
    if place.client is None:
        return None
    from django_tasks_kubernetes.stores.queues import connect

    return [
        queue | {"spec": {name: queue["spec"][name] for name in SHOWN if name in queue["spec"]}}
        for queue in connect(place.backend.parsed_options.for_pages()).find()
    ]


def held(place: Place, *, fresh: bool) -> Answer[dict[str, Resource]]:
    """The holds by their queues. The value is None where they may not be read."""

    def holds() -> dict[str, Resource]:
        if place.client is None:
            return {}
        from django_tasks_kubernetes.stores.holds import connect

        found = connect(place.backend.parsed_options.for_pages()).find()
        return {hold["metadata"]["name"]: hold for hold in found}

    answer = kept(place, "holds", holds, fresh=fresh)
    if place.client is None or isinstance(answer.problem, PermissionDenied):
        return Answer(value=None, as_of=answer.as_of, problem=answer.problem)
    return answer


def _links(place: Place, queue: str) -> list[tuple[str, str]]:
    wanted = place.backend.parsed_options.admin_links
    return links(wanted, {"namespace": place.backend.namespace, "queue": queue}) if wanted else []
