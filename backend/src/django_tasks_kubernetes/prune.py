"""Deletes the files of tasks that are gone. Stateless, and safe to repeat: a file's name has its task.

A grace time protects files that are written before their task exists, as payloads are.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from django.core.files.storage import Storage
from django.tasks import task_backends
from django.utils import timezone

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.exceptions import StorageFailed
from djangotasks_api.stored import folder, task_of

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
    """How many belong to a task, or are younger than the grace time."""


def prune(*, grace: timedelta = GRACE, dry_run: bool = False) -> Pruned:
    """Deletes, in every OPTIONS["STORAGE"] of TASKS, the files of tasks that neither the cluster nor the outbox has.

    To be called now and then (hourly, or daily), in one process or in several. `grace`: younger files are left alone.
    `dry_run`: deletes nothing, and says what would be deleted. Blocks for a listing of the storage and one of the
    tasks' names, and a request or two for each file to delete.

    Raises StorageFailed where a storage cannot be listed, and as get_result() does where the tasks cannot: then nothing
    of theirs is deleted. A file that cannot be deleted is logged, and in `failed`.
    """
    done, now = Pruned(), timezone.now()
    for (alias, namespace), backends in _places().items():
        storage = backends[0].files.find(alias)
        # First the files: one that is written later is not among them.
        files = _listed(storage, alias, folder(namespace))
        known = {name for backend in backends for name in backend.store.names()} if files else set()
        for file in files:
            if task_of(file) in known:
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
    return done


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


def _listed(storage: Storage, alias: str, path: str) -> list[str]:
    try:
        return storage.listdir(path)[1]
    except FileNotFoundError:
        return []
    except Exception as error:
        raise StorageFailed(f"The storage {alias!r} does not list {path}: {type(error).__name__}: {error}") from error
