"""What of a task is in a storage: its arguments before it runs, its return value after. Storages are imported for those
alone."""

from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.tasks import task_backends

from django_tasks_kubernetes.exceptions import PayloadUnavailable, ResultNotStored, StorageFailed, StoredTextInvalid
from django_tasks_kubernetes.runner.limits import refuse_result
from djangotasks_api.stored import TextRef

if TYPE_CHECKING:
    from django_tasks_kubernetes.storage.files import Files


def read_payload(alias: str, ref: TextRef) -> str:
    """`alias`: of the task's backend. Raises PayloadUnavailable, with the error of the storage as its cause."""
    from django_tasks_kubernetes.storage.files import retry_storage

    try:
        files = files_of(alias)
        return retry_storage(lambda: files.read(ref))
    except StorageFailed as error:
        raise PayloadUnavailable(f"The arguments of the task are in a storage. {error}") from error


def store_result(alias: str, namespace: str, task: str, attempt: int, text: str) -> TextRef:
    """`alias`: of the task's backend. Raises ResultTooLarge, or ResultNotStored with the storage's error as cause."""
    from django_tasks_kubernetes.storage.files import retry_storage

    try:
        files = files_of(alias)
        if not files.alias or len(text) > files.max_bytes:
            refuse_result(text, files.max_bytes if files.alias else None)
        return retry_storage(lambda: files.write(namespace, task, f"result-{attempt}", text))
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
