"""One task: why it is as it is, its attempts, and its data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote, unquote
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin import nav, task_facts
from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.data import arguments_of, elsewhere, result_of
from django_tasks_kubernetes.admin.history_page import row_of
from django_tasks_kubernetes.admin.links import links as links_to
from django_tasks_kubernetes.admin.links import of_task
from django_tasks_kubernetes.admin.log_reading import LogPane, attempt_of, has_run, log_pane
from django_tasks_kubernetes.admin.one_task import answer_for
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.parts import PART
from django_tasks_kubernetes.admin.places import Place, history_options, split
from django_tasks_kubernetes.admin.queues_page import known_lines
from django_tasks_kubernetes.admin.timeline import timeline
from django_tasks_kubernetes.admin.waiting import causes_of
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.presentation.rows import Row, row
from django_tasks_kubernetes.presentation.text import safe
from djangotasks_api.phases import Phase


@dataclass(frozen=True, slots=True)
class SiteLinks:
    """See task_facts.Links."""

    site: AdminSite
    place: Place

    def task(self, name: str) -> str:
        return self._of("task_change", name)

    def workflow(self, name: str) -> str:
        return self._of("workflow_change", name) or self.tasks(workflow=name)

    def schedule(self, name: str) -> str:
        return self._of("schedule_change", name) or self.tasks(schedule=name)

    def tasks(self, **parameters: str) -> str:
        """The list of tasks with these parameters."""
        if not self.place.is_only:
            parameters["backend"] = self.place.alias
        return f"{nav.url(self.site, 'task_changelist')}?{urlencode(parameters)}"

    def _of(self, page: str, name: str) -> str:
        return nav.url_if_there(self.site, page, quote(self.place.pk(name)))


class TaskPage(Page):
    name = "task"
    tab = "tasks"
    title = _("Task")
    parts = ("task", "log")

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        answer = answer_for(self.admin, request, place, name, fresh=is_fresh(request))
        found: dict[str, Any] = {"answer": answer, "pk": quote(place.pk(name))}
        return found | self._of(request, place, answer.value) if answer.value is not None else found

    def respond(self, request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
        """Leads to the row of the history, where the task is gone and there is one."""
        try:
            return super().respond(request, object_id)
        except Http404:
            if PART in request.GET or (address := self._in_history(request, object_id)) is None:
                raise
            messages.info(request, _("The task is not in the cluster any more. This is what the history has kept."))
            return HttpResponseRedirect(address)

    def _in_history(self, request: HttpRequest, object_id: str | None) -> str | None:
        place, name = split(unquote(object_id or ""))
        if place is None or history_options() is None or not may(request, "view_taskhistory"):
            return None
        try:
            # As rows have it: an id may come without dashes, and PostgreSQL takes no NUL.
            row = row_of(place, valid_name(name))
        except TaskResultDoesNotExist:
            return None
        allowed = self.admin.queues_for(request)
        if row is None or (allowed is not None and row.queue not in allowed):
            return None
        return nav.url_if_there(self.admin.admin_site, "taskhistory_change", quote(row.pk)) or None

    def _waits_for(self, request: HttpRequest, place: Place, shown: Row) -> list[str]:
        """What its queue says, where the task itself has no reason: two requests, which are kept for all tasks."""
        if shown.phase != Phase.QUEUED or shown.reason or place.client is None or not may(request, "view_queue"):
            return []
        line = known_lines(place, datetime.now(UTC), fresh=is_fresh(request)).get(shown.queue)
        return [cause.words for cause in causes_of(line, line.waiting)] if line is not None else []

    def _log(self, request: HttpRequest, place: Place, resource: Resource) -> LogPane | None:
        """Of what runs now. That of what has ended has a page of its own: its pod may be gone."""
        if request.GET.get(PART, "log") != "log" or place.client is None:
            return None
        attempt = attempt_of(resource, None)
        if attempt is None or attempt.get("finishedAt") or not has_run(attempt):
            return None
        pane = log_pane(request, place, resource, attempt, fresh=is_fresh(request))
        return pane if pane.grows else None

    def _of(self, request: HttpRequest, place: Place, resource: Resource) -> dict[str, Any]:
        shown, now, links = row(resource), datetime.now(UTC), SiteLinks(self.admin.admin_site, place)
        sees_data = may(request, "view_task_data")
        options, namespace = place.backend.parsed_options, shown.namespace or place.backend.namespace
        hide = options.admin_hide
        return {
            "title": shown.task,
            "row": shown,
            "log": self._log(request, place, resource) if sees_data else None,
            "links": links_to(options.admin_links, of_task(resource, namespace, now)),
            "waits_for": self._waits_for(request, place, shown),
            "headline": task_facts.headline(resource),
            "facts": list(task_facts.facts_of(resource, links)),
            "attempts": task_facts.attempts_of(resource),
            "chart": timeline("timeline", resource, now, timezone.get_current_timezone()),
            "progress_message": safe(((resource.get("status") or {}).get("progress") or {}).get("message") or ""),
            "sees_data": sees_data,
            "arguments": arguments_of(resource, hide) if sees_data else [],
            "result": result_of(resource, hide) if sees_data else None,
            "elsewhere": list(elsewhere(resource)) if sees_data else [],
            "may_cancel": may(request, "change_task") and not shown.is_finished,
            "may_retry": may(request, "retry_task") and shown.is_finished,
            "may_delete": may(request, "delete_task"),
            "children_url": links.tasks(enqueued_by=shown.id),
            "retries_url": links.tasks(retry_of=shown.id),
            "namespace": namespace,
        }
