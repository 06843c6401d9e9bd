"""Rules for tasks beyond Django's own, so that a pod can find and run them."""

import logging
import re
import sys
from inspect import isasyncgenfunction, isgeneratorfunction
from typing import Any, Final
from uuid import UUID

from django.tasks import Task
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist

from django_tasks_kubernetes.codec.find import REMEDY, is_found_elsewhere
from django_tasks_kubernetes.conf import is_dns_label
from django_tasks_kubernetes.task import AnyTask
from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS, TASK_NAME_MAX_CHARS, TASK_PATH_MAX_CHARS
from djangotasks_api.names import DNS_LABEL_PATTERN

logger = logging.getLogger(__name__)

# Modules of tasks that were logged about.
_noted: set[str] = set()
# Of the framework as it was before Django had it: https://pypi.org/project/django-tasks/
BACKPORT: Final = "django_tasks"
UUID_HEX: Final = re.compile("[0-9a-f]{32}")


def queue_problem(name: Any, backend: BaseTaskBackend) -> str | None:
    """What is wrong with the queue of a task, if anything."""
    if backend.queues and name not in backend.queues:
        return (
            f"Queue {name!r} is not valid for backend. QUEUES of TASKS[{backend.alias!r}] has "
            f"{', '.join(sorted(backend.queues))}. Add it there, and a DjangoTaskQueue of that name to the cluster."
        )
    return queue_name_problem(name)


def queue_name_problem(name: Any) -> str | None:
    """What is wrong with a queue's name, if anything."""
    if isinstance(name, str) and is_dns_label(name):
        return None
    return (
        f"Queue {name!r} cannot be the name of a DjangoTaskQueue. "
        f"Use lower-case letters, digits and hyphens, at most {DNS_LABEL_MAX_CHARS} characters, such as 'send-mail'."
    )


def validate_importable(task: AnyTask) -> None:
    """Raises InvalidTask when no other process could import the task by its path."""
    module, name = task.func.__module__, task.func.__qualname__
    if module == "__main__":
        raise InvalidTask(
            f"Task {name!r} is defined in __main__, which a pod cannot import. Move it to a module of the project."
        )
    if not all(part.isidentifier() for part in (*module.split("."), name)):
        raise InvalidTask(
            f"Task {module}.{name} cannot be imported by that path. Define it with def, at the top of a module."
        )
    if isgeneratorfunction(task.func) or isasyncgenfunction(task.func):
        raise InvalidTask(
            f"Task {module}.{name} is a generator function: calling it runs nothing of it. Return a list in place of "
            "yield."
        )
    if len(path := task.module_path) > TASK_PATH_MAX_CHARS:
        raise InvalidTask(
            f"The path of task {path[:80]}… has {len(path)} characters. {TASK_PATH_MAX_CHARS} are allowed."
        )


def validate_found(task: AnyTask) -> None:
    """Raises InvalidTask when the path leads to something else than this task, which only the pod would notice."""
    path = task.module_path
    module = sys.modules.get(task.func.__module__)
    found: Any = getattr(module, task.func.__name__, None)
    if type(found).__module__.partition(".")[0] == BACKPORT:
        raise InvalidTask(
            f"{path} is a task of the package {BACKPORT}, made while its backend was not this one. Import the "
            "decorator from Django: from django.tasks import task."
        )
    if isinstance(found, Task) and found.func is not task.func and found.module_path == path:
        raise InvalidTask(
            f"There is another {path} by now, which is not this task: its module was imported again, as by autoreload, "
            "or has two functions of that name. Import the task again, or give one of the functions another name."
        )
    if not isinstance(found, Task) or found.func is not task.func:
        raise InvalidTask(
            f"{path} is {type(found).__name__ if found is not None else 'not defined'}, not this task. "
            f"The pod imports a task by its function's path: decorate the function with @task under its own name."
        )


def validate_readable(task: AnyTask) -> None:
    """Raises InvalidTask where no other process would read the task's result: it imports modules of the project alone,
    since the path of a resource is anybody's word."""
    if problem := _reading_problem(task):
        raise InvalidTask(problem)


def note_unreadable(task: AnyTask) -> None:
    """Logs the same once for each module, where no other process reads results: tests may have tasks of their own."""
    if (module := task.func.__module__) not in _noted and (problem := _reading_problem(task)):
        _noted.add(module)
        logger.warning("A KubernetesBackend would refuse this: %s", problem)


def _reading_problem(task: AnyTask) -> str | None:
    if is_found_elsewhere(module := task.func.__module__):
        return None
    return (
        f"The result of task {task.module_path} could not be read: the module {module} is in none of the project's "
        f"packages, and not imported while Django is set up: {REMEDY}."
    )


def dashed(name: str) -> str:
    """The name of a task whose id may be written without dashes; any other as it is."""
    return str(UUID(hex=name)) if UUID_HEX.fullmatch(name) else name


def valid_name(result_id: object) -> str:
    """Returns the id as part of a URL's path. Raises TaskResultDoesNotExist where it cannot be one."""
    name = dashed(str(result_id))
    if len(name) > TASK_NAME_MAX_CHARS or not re.fullmatch(DNS_LABEL_PATTERN.removesuffix("$"), name):
        raise TaskResultDoesNotExist(name)
    return name
