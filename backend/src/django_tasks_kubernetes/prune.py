"""Deletes the files of tasks that are gone. Stateless, and safe to repeat: a file's name has its task.

A grace time protects files that are written before their task exists, as payloads are.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.core.files.storage import Storage
from django.tasks import task_backends
from django.utils import timezone

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.exceptions import KubernetesBackendError, StorageFailed
from djangotasks_api.stored import folder, is_file, task_of

logger = logging.getLogger(__name__)

# Longer than any enqueue(), and any transaction with one, may take.
GRACE: Final = timedelta(days=1)


@dataclass(slots=True)
class Pruned:
    """What became of the files."""

    deleted: list[tuple[str, str]] = field(default_factory=list)
    """Each as its storage's alias and its name."""

    failed: list[tuple[str, str]] = field(default_factory=list)
    """Those that the storage did not delete."""

    kept: int = 0
    """How many belong to a task, are younger than the grace time, or have a name that no task's file has."""


def prune(*, grace: timedelta = GRACE, dry_run: bool = False, awaited: Callable[[], Collection[str]] = tuple) -> Pruned:
    """Deletes, in every OPTIONS["STORAGE"] of TASKS, the files of tasks that neither the cluster nor the outbox has.

    To be called now and then (hourly, or daily), in one process or in several. `grace`: younger files are left alone.
    `dry_run`: deletes nothing, and says what would be deleted. `awaited`: gives the names of tasks whose files are kept
    although they are gone: receivers of their ends may read them. Blocks for a listing of the storage and one of the
    tasks' names, and a request or two for each file to delete.

    Raises StorageFailed where a storage cannot be listed, and as get_result() does where the tasks cannot: then nothing
    of theirs is deleted, and the files of the others are. A file that cannot be deleted is logged, and in `failed`.
    """
    done, problems = Pruned(), list[KubernetesBackendError]()
    for (alias, namespace), backends in _places().items():
        try:
            _prune_place(done, alias, namespace, backends, grace=grace, dry_run=dry_run, awaited=awaited)
        except KubernetesBackendError as problem:
            logger.error("The files of %s in the storage %r are not cleaned up: %s", namespace, alias, problem)
            problems.append(problem)
    if problems:
        raise problems[0]
    return done


def _prune_place(
    done: Pruned,
    alias: str,
    namespace: str,
    backends: list[KubernetesBackend],
    *,
    grace: timedelta,
    dry_run: bool,
    awaited: Callable[[], Collection[str]],
) -> None:
    now = timezone.now()
    # First the files: one that is written later is not among them.
    storage, files = _listed(backends[0], alias, folder(namespace))
    known = {name for backend in backends for name in backend.store.names()} if files else set()
    # After the tasks: one that is deleted meanwhile is among those.
    known.update(awaited() if files else ())
    for file in files:
        # One of another name may be a path for the storage, which leads out of the folder.
        if task_of(file) in known or not is_file(file):
            done.kept += 1
            continue
        name = f"{folder(namespace)}/{file}"
        try:
            if storage.get_modified_time(name) > now - grace:
                done.kept += 1
                continue
            if not dry_run:
                storage.delete(name)
        except Exception as error:  # noqa: BLE001 - whatever a storage raises
            if _is_gone(storage, name):
                continue  # Another process was faster.
            logger.warning("The file %s in the storage %r was not deleted: %s", name, alias, error)
            done.failed.append((alias, name))
        else:
            done.deleted.append((alias, name))


def _places() -> dict[tuple[str, str], list[KubernetesBackend]]:
    """By storage and namespace: of two clusters that share both, a file may be either's."""
    places = defaultdict(list)
    for backend in _backends():
        if (alias := backend.parsed_options.storage) is not None:
            places[alias, backend.namespace].append(backend)
    return places


def _backends() -> Iterator[KubernetesBackend]:
    return (backend for backend in task_backends.all() if isinstance(backend, KubernetesBackend))


def _is_gone(storage: Storage, name: str) -> bool:
    try:
        return not storage.exists(name)
    except Exception:  # noqa: BLE001 - then it is not known
        return False


def _listed(backend: KubernetesBackend, alias: str, path: str) -> tuple[Storage, list[str]]:
    try:
        storage = backend.files.find(alias)
        with suppress(FileNotFoundError):
            return storage, storage.listdir(path)[1]
    except StorageFailed:
        raise
    except Exception as error:
        raise StorageFailed(f"The storage {alias!r} does not list {path}: {type(error).__name__}: {error}") from error
    return storage, []
