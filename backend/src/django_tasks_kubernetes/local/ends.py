"""The ends of tasks and workflows without a cluster, as `manage.py watch_tasks` tells them."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from django.tasks import task_backends

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.notify.dispatch import arguments_of, result_of
from django_tasks_kubernetes.notify.ends import End, ends_of


def new_ends(
    resource: Resource, is_new: Callable[[End], bool] = lambda end: True
) -> Iterator[tuple[End, type, dict[str, Any]]]:
    """Its ends so far, each with the sender and the arguments of its signal."""
    backend: Any = task_backends[resource["spec"].get("backend", "default")]
    # In memory a resource has no uid but its name.
    known = resource | {"metadata": resource["metadata"] | {"uid": resource["metadata"]["name"]}}
    for end in ends_of(known):
        if is_new(end):
            yield end, backend.sender, arguments_of(end, result_of(backend, deepcopy(resource)))
