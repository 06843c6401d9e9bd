"""One task."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import kept
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation import pages
from django_tasks_kubernetes.presentation.rows import row


class TaskPage(Page):
    name = "task"
    title = _("Task")
    parts = ("task",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        def read() -> Resource | None:
            try:
                found: Resource = place.store.get(name)
            except TaskResultDoesNotExist:
                return None
            return found

        answer = kept(place, ("task", name), read, fresh=is_fresh(request))
        resource = answer.value
        if resource is None and answer.problem is None:
            raise Http404
        if resource is None:
            return {"answer": answer, "pk": place.pk(name)}
        allowed, shown = self.admin.queues_for(request), row(resource)
        if allowed is not None and shown.queue not in allowed:
            raise Http404
        return {
            "answer": answer,
            "pk": place.pk(name),
            "row": shown,
            "title": shown.task,
            "facts": list(pages.facts(resource, timezone.now())),
        }
