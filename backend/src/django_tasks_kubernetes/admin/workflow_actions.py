"""What people do to a workflow: cancel it, and do once more what did not succeed."""

from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_tasks_kubernetes.admin.asking import AskingPage, Done, new_name, reason_of
from django_tasks_kubernetes.admin.base import person
from django_tasks_kubernetes.admin.nav import url
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.workflow_pages import check_queue, may_act, workflow_of
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.validation import dashed
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow, workflow_row
from django_tasks_kubernetes.workflows.retry import retried
from djangotasks_api.names import REQUEST_ANNOTATION, REQUESTED_BY_ANNOTATION


class WorkflowActionPage(AskingPage):
    tab = "workflows"

    def row(self, request: HttpRequest, place: Place, name: str) -> WorkflowRow:
        """Raises Http404; PermissionDenied where steps have queues that the person may not see."""
        # The admin's log knows it by its id with dashes alone.
        if name != dashed(name):
            raise Http404
        answer = workflow_of(place, name)
        if answer.value is None:
            raise answer.problem or Http404
        row = workflow_row(answer.value)
        check_queue(self.admin, request, row)
        if not may_act(self.admin, request, answer.value):
            raise PermissionDenied
        return row


class CancelPage(WorkflowActionPage):
    title = gettext_lazy("Cancel a workflow")
    permission = "change_workflow"
    verb = gettext_lazy("Yes, cancel it")
    asks_reason = True

    def question(self, request: HttpRequest, place: Place, name: str) -> str:
        row = self.row(request, place, name)
        return _("Cancel %(workflow)s? It is %(phase)s, %(progress)s. Tasks that run are stopped.") % {
            "workflow": row.workflow or row.id, "phase": row.phase, "progress": row.progress or "0"
        }  # fmt: skip

    def act(self, request: HttpRequest, place: Place, name: str) -> Done:
        reason = reason_of(request)
        row = workflow_row(place.store.workflows.cancel(name, reason))
        back = self.change_url(place, name)
        if row.is_finished and row.phase != "Cancelled":
            words = _("It was over already: %(phase)s. Nothing was changed.") % {"phase": row.phase}
            return Done(words, words, back, messages.WARNING)
        return Done(_("It was asked to cancel."), _("Cancelled: %(reason)s") % {"reason": reason}, back)


class RetryPage(WorkflowActionPage):
    title = gettext_lazy("Retry a workflow")
    permission = "retry_workflow"
    verb = gettext_lazy("Yes, retry it")

    def question(self, request: HttpRequest, place: Place, name: str) -> str:
        row = self.row(request, place, name)
        return _("Retry %(workflow)s? A new workflow takes over what succeeded, and runs the rest.") % {
            "workflow": row.workflow or row.id
        }

    def act(self, request: HttpRequest, place: Place, name: str) -> Done:
        workflows = place.store.workflows
        new = requested(retried(workflows.get(name), datetime.now(UTC)), new_name(request), person(request))
        workflows.create(new)
        id_ = new["metadata"]["name"]
        address = url(self.admin.admin_site, "workflow_change", quote(place.pk(id_)))
        return Done(_("It is retried as %(id)s.") % {"id": id_}, _("Retried as %(id)s") % {"id": id_}, address)


def requested(resource: Resource, name: str, by: str) -> Resource:
    """The same under a name that was chosen before, with who has asked for it. A request that comes twice is known by
    its mark."""
    metadata: dict[str, Any] = resource["metadata"]
    notes = (metadata.get("annotations") or {}) | {REQUEST_ANNOTATION: name, REQUESTED_BY_ANNOTATION: by}
    return resource | {"metadata": metadata | {"name": name, "annotations": notes}}
