"""The list of workflows, and the page of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.admin.utils import quote
from django.core.exceptions import BadRequest
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest
from django.tasks.exceptions import TaskResultDoesNotExist
from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.base import may
from django_tasks_kubernetes.admin.graph import Box, Graph, Node, collapsed, graph
from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.nav import url
from django_tasks_kubernetes.admin.page import Page, is_fresh
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.reading import kept
from django_tasks_kubernetes.admin.workflow_reading import read_workflows
from django_tasks_kubernetes.admin.workflow_words import facts_of, note
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.presentation.filters import UsageError, WorkflowFilter
from django_tasks_kubernetes.presentation.workflow_rows import WorkflowRow, queues_of, workflow_row
from django_tasks_kubernetes.presentation.workflow_tree import StepView, tree
from djangotasks_api.names import step_task_name
from djangotasks_api.phases import Phase
from djangotasks_api.workflow.records import StepPhase, WorkflowPhase

PER_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Linked:
    """A box of the graph, and where it leads."""

    box: Box
    url: str


class WorkflowsPage(Page):
    name = "workflows"
    title = _("Workflows")
    permission = "view_workflow"
    parts = ("workflows",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        which, text = _filter_of(request), request.GET.get("q", "").strip()
        answer = kept(place, ("workflows", which), lambda: read_workflows(place, which), fresh=is_fresh(request))
        context = {
            "answer": answer,
            "text": text,
            "phase": request.GET.get("phase", ""),
            "phases": [str(phase) for phase in WorkflowPhase],
            "is_filtered": bool(text or which.is_given),
        }
        if answer.value is None:
            return context
        allowed = self.admin.queues_for(request)
        rows = [row for row in answer.value.rows if (allowed is None or row.queue in allowed) and _has(row, text)]
        pages = Paginator(rows, PER_PAGE)
        shown = pages.get_page(request.GET.get("p"))
        return context | {
            "rows": [(place.pk(row.id), row) for row in shown],
            "page": shown,
            "query": urlencode({key: value for key, value in request.GET.items() if key in KEPT}),
            "is_complete": answer.value.is_complete,
            "is_newest": answer.value.is_newest,
            "read": len(answer.value.rows),
        }


# Parameters that the links to other pages of the list keep.
KEPT: Final = ("q", "phase", "queue", "backend")


class WorkflowPage(Page):
    name = "workflow"
    tab = "workflows"
    title = _("Workflow")
    permission = "view_workflow"
    parts = ("workflow",)

    def context(self, request: HttpRequest, place: Place, name: str) -> Mapping[str, Any]:
        answer = workflow_of(place, name, fresh=is_fresh(request))
        resource = answer.value
        if resource is None and answer.problem is None:
            raise Http404
        context: dict[str, Any] = {"answer": answer, "pk": place.pk(name)}
        if resource is None:
            return context
        now = datetime.now(UTC)
        row = workflow_row(resource, now)
        check_queue(self.admin, request, row)
        steps, is_mine = self._steps(request, resource), may_act(self.admin, request, resource)
        drawn = graph(steps)
        return context | {
            "row": row,
            "title": row.workflow or row.id,
            "facts": list(facts_of(resource, now)),
            "graph": drawn,
            "boxes": self._boxes(drawn, place, row),
            "steps": [
                (step, self._url(Node(steps=(step,), needs=()), place, row), note(step), self._failed(step, place, row))
                for step in steps
            ],
            "box_number": len(collapsed(steps)),
            "tasks_url": self._list(place, {"workflow": row.id}),
            "failed_url": self._list(place, {"workflow": row.id, "phase": Phase.FAILED}) if _has_failed(steps) else "",
            "may_cancel": is_mine and not row.is_finished and may(request, "change_workflow"),
            "may_retry": is_mine and row.is_finished and not row.is_good and may(request, "retry_workflow"),
        }

    def _steps(self, request: HttpRequest, resource: Resource) -> list[StepView]:
        """Without what tasks say of queues that the person may not see."""
        allowed, own = self.admin.queues_for(request), {"queue": resource["spec"].get("queue")}
        seen = {
            step["name"]
            for step in resource["spec"]["steps"]
            if allowed is None or queues_of(own | {"steps": [step]}).issubset(allowed)
        }
        return [step if step.name in seen else replace(step, message="") for step in tree(resource)]

    def _boxes(self, drawn: Graph | None, place: Place, row: WorkflowRow) -> list[Linked]:
        return [Linked(box, self._url(box.node, place, row)) for box in drawn.boxes] if drawn is not None else []

    def _url(self, node: Node, place: Place, row: WorkflowRow) -> str:
        """Of the task of a step, or of the list of its tasks."""
        step = node.steps[0]
        if len(node.steps) > 1:
            return self._list(place, {"workflow": row.id, "task": step.task})
        if step.is_map:
            return self._list(place, {"workflow": row.id, "q": f"-{step.name}-"})
        name = step_task_name(row.id, step.name, None)
        return url(self.admin.admin_site, "task_change", quote(place.pk(name)))

    def _failed(self, step: StepView, place: Place, row: WorkflowRow) -> str:
        """Of the list of those tasks of a map that its number of failures counts; empty where there are none."""
        if not (step.is_map and step.failed):
            return ""
        phases = f"{Phase.FAILED},{Phase.CANCELLED}"
        return self._list(place, {"workflow": row.id, "phase": phases, "q": f"-{step.name}-"})

    def _list(self, place: Place, parameters: dict[str, str]) -> str:
        more = {} if place.is_only else {"backend": place.alias}
        return f"{url(self.admin.admin_site, 'task_changelist')}?{urlencode(parameters | more)}"


def workflow_of(place: Place, name: str, *, fresh: bool = False) -> Answer[Resource | None]:
    """Reads a workflow; None where there is none of that name."""

    def read() -> Resource | None:
        try:
            found: Resource = place.store.workflows.get(valid_name(name))
        except TaskResultDoesNotExist:
            return None
        return found

    return kept(place, ("workflow", name), read, fresh=fresh)


def queue_of(place: Place, name: str) -> str | None:
    """Of a workflow; None where there is none of that name. Raises TaskException."""
    answer = workflow_of(place, name)
    if answer.problem is not None:
        raise answer.problem
    return workflow_row(answer.value).queue if answer.value is not None else None


def may_act(admin: Any, request: HttpRequest, resource: Resource) -> bool:
    """Whether all that is done with a workflow is done in queues that the person may see: steps may name others."""
    allowed = admin.queues_for(request)
    return allowed is None or queues_of(resource["spec"]).issubset(allowed)


def check_queue(admin: Any, request: HttpRequest, row: WorkflowRow) -> None:
    """Raises Http404 for one that the person may not see."""
    allowed = admin.queues_for(request)
    if allowed is not None and row.queue not in allowed:
        raise Http404


def _has_failed(steps: Iterable[StepView]) -> bool:
    return any(step.phase == StepPhase.FAILED or (step.is_map and step.failed) for step in steps)


def _filter_of(request: HttpRequest) -> WorkflowFilter:
    phase, queue = request.GET.get("phase"), request.GET.get("queue")
    try:
        return WorkflowFilter(queue=queue or None, statuses=(phase,) if phase else ())
    except UsageError as error:
        raise BadRequest(str(error)) from error


def _has(row: WorkflowRow, text: str) -> bool:
    values = (row.id, row.workflow, row.reason, row.schedule, row.retry_of)
    return any(text.lower() in value.lower() for value in values)
