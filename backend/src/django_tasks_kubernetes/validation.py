"""What a task must be, beyond Django's own rules, to be found and run in a pod."""

import re
import sys
from typing import Any

from django.tasks import Task
from django.tasks.exceptions import InvalidTask, TaskResultDoesNotExist

from django_tasks_kubernetes.options import is_dns_label
from django_tasks_kubernetes.task_types import AnyTask
from djangotasks_api.names import DNS_LABEL_PATTERN, TASK_NAME_MAX

# As in the CRD: spec.task and spec.backend.
PATH_MAX_CHARS = 512
ALIAS_MAX_CHARS = 253


def queue_problem(name: Any) -> str | None:
    """What is wrong with a queue's name, if anything."""
    if isinstance(name, str) and is_dns_label(name):
        return None
    return (
        f"Queue {name!r} cannot be the name of a DjangoTaskQueue. "
        "Use lower-case letters, digits and hyphens, at most 63 characters, such as 'send-mail'."
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
    if len(path := task.module_path) > PATH_MAX_CHARS:
        raise InvalidTask(f"The path of task {path[:80]}… has {len(path)} characters. {PATH_MAX_CHARS} are allowed.")


def validate_found(task: AnyTask) -> None:
    """Raises InvalidTask when the path leads to something else than this task, as the pod would find only then."""
    path = task.module_path
    module = sys.modules.get(task.func.__module__)
    found: Any = getattr(module, task.func.__name__, None)
    if not isinstance(found, Task) or found.func is not task.func:
        raise InvalidTask(
            f"{path} is {type(found).__name__ if found is not None else 'not defined'}, not this task. "
            f"The pod imports a task by its function's path: decorate the function with @task under its own name."
        )


def valid_name(result_id: object) -> str:
    """The id as part of a path. Raises TaskResultDoesNotExist for what cannot be one."""
    name = str(result_id)
    if len(name) > TASK_NAME_MAX or not re.fullmatch(DNS_LABEL_PATTERN.removesuffix("$"), name):
        raise TaskResultDoesNotExist(name)
    return name
