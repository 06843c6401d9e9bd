"""What of a task is in a storage: its arguments before it runs, its return value after. Storages are imported for those
alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from django.core.exceptions import ImproperlyConfigured
from django.tasks import task_backends

from django_tasks_kubernetes.exceptions import PayloadUnavailable, ResultNotStored, StorageFailed, StoredTextInvalid
from django_tasks_kubernetes.runner.limits import refuse_result
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from django_tasks_kubernetes.storage.files import Files

# How long a storage is waited for that may be about to come back. Before the task no more is lost than an attempt.
READ_SECONDS: Final = 30.0
# After it, all of its work: longer than a server takes that is started again, or fails over.
STORE_SECONDS: Final = 5 * 60.0
# Where the pod is being ended, or is none.
BRIEF_SECONDS: Final = 4.0


def read_payload(alias: str, ref: TextRef) -> str:
    """`alias`: of the task's backend. Raises PayloadUnavailable, with the error of the storage as its cause."""
    from django_tasks_kubernetes.storage.files import retry_storage

    try:
        files = files_of(alias)
        return retry_storage(lambda: files.read(ref), READ_SECONDS)
    except StorageFailed as error:
        raise PayloadUnavailable(f"The arguments of the task are in a storage. {error}") from error


def store_result(
    alias: str,
    namespace: str,
    task: str,
    attempt: int,
    text: str,
    seconds: float,
    alive: Callable[[], object] = lambda: None,
) -> TextRef:
    """`alias`: of the task's backend. `seconds`: how long it is offered. `alive`: called meanwhile. Raises
    ResultTooLarge, or ResultNotStored with the storage's error as cause."""
    from django_tasks_kubernetes.storage.files import retry_storage

    try:
        files = files_of(alias)
        if not files.alias or len(text) > files.max_bytes:
            refuse_result(text, files.max_bytes if files.alias else None)
        return retry_storage(lambda: files.write(namespace, task, f"result-{attempt}", text), seconds, alive)
    except StorageFailed as error:
        raise ResultNotStored(f"The task has returned, and its result is lost. {error}") from error


def files_of(alias: str) -> "Files":
    """The storage of a backend. Raises StorageFailed."""
    from django_tasks_kubernetes.backend import KubernetesBackend

    backend = task_backends[alias]
    if not isinstance(backend, KubernetesBackend):
        raise StoredTextInvalid(f"TASKS[{alias!r}] is {type(backend).__name__} here, which has no storage.")
    try:
        return backend.files
    except ImproperlyConfigured as error:
        raise StoredTextInvalid(f"The OPTIONS of TASKS[{alias!r}] are wrong here: {error}") from error
