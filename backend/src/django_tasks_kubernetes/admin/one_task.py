"""The task that a page is about, for a person who may see it."""

from typing import TYPE_CHECKING

from django.contrib.admin.utils import unquote
from django.http import Http404, HttpRequest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.admin.base import require
from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.places import Place, split
from django_tasks_kubernetes.admin.reading import kept
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.validation import valid_name
from django_tasks_kubernetes.models import Task

if TYPE_CHECKING:
    from django_tasks_kubernetes.admin.base import ClusterAdmin


def answer_for(
    admin: "ClusterAdmin", request: HttpRequest, place: Place, name: str, *, fresh: bool
) -> Answer[Resource]:
    """The task as it was read a short while ago. Raises Http404 where there is none, also for one of a queue that the
    person may not see."""

    def read() -> Resource | None:
        try:
            found: Resource = place.store.get(valid_name(name))
        except TaskResultDoesNotExist:
            return None
        return found

    answer = kept(place, ("task", name), read, fresh=fresh)
    resource = answer.value
    if resource is None and answer.problem is None:
        raise Http404
    if resource is not None and not may_see(admin, request, resource):
        raise Http404
    return Answer(value=resource, as_of=answer.as_of, problem=answer.problem)


def known_task(admin: "ClusterAdmin", request: HttpRequest, pk: str) -> Task | None:
    """The one that the admin's log may know. None where the person may not see its queue; a queue is known as long as
    the task is there."""
    place, name = split(pk)
    if place is None:
        return None
    if admin.queues_for(request) is None:
        return Task(id=pk)
    try:
        answer = answer_for(admin, request, place, name, fresh=False)
    except Http404:
        return None
    return Task.shown(pk, answer.value["spec"]["task"]) if answer.value is not None else None


def may_see(admin: "ClusterAdmin", request: HttpRequest, resource: Resource) -> bool:
    """Whether the person's permissions extend to the task's queue."""
    allowed = admin.queues_for(request)
    return allowed is None or resource["spec"].get("queue", "default") in allowed


def task_for(
    admin: "ClusterAdmin", request: HttpRequest, object_id: str | None, permission: str
) -> tuple[Place, str, Resource]:
    """The task as it is now, with its place and its name. Raises PermissionDenied and Http404; TaskException and
    ImproperlyConfigured where the cluster does not answer."""
    require(request, "view_task")
    require(request, permission)
    place, name = split(unquote(object_id or ""))
    if place is None:
        raise Http404
    try:
        resource: Resource = place.store.get(valid_name(name))
    except TaskResultDoesNotExist:
        raise Http404 from None
    if not may_see(admin, request, resource):
        raise Http404
    return place, name, resource
