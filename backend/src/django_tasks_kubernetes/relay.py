"""Sends the rows of the outbox that the processes which wrote them have left. See `manage.py relay_tasks`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from django.db import connections, transaction
from django.tasks import task_backends
from django.tasks.exceptions import TaskException
from django.utils import timezone

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.bulk import SYSTEMIC
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.store import TaskStore, store_of
from django_tasks_kubernetes.stores.outbox import resource_of

logger = logging.getLogger(__name__)

BACKOFF: Final = timedelta(seconds=5)
REFUSED_BACKOFF_MAX: Final = timedelta(minutes=5)
# Shorter: a cluster that is back takes the others at once.
AWAY_BACKOFF_MAX: Final = timedelta(minutes=1)
ERROR_MAX_CHARS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """What became of the rows that were due."""

    sent: int = 0
    """Tasks that the cluster has now."""

    refused: int = 0
    """Tasks that the cluster did not take."""

    away: Mapping[str, str] = field(default_factory=dict)
    """The backends whose cluster takes nothing, with the reason: no more of their rows were tried."""


def relay(using: str, should_continue: Callable[[], bool] = lambda: True) -> Relayed:
    """Sends every row that is due, each in a transaction of its own. Several relays share the work.

    A backend whose cluster does not answer, or refuses this process, holds up its own rows and no others.
    `should_continue`: asked before each row.
    """
    done = Relayed()
    while should_continue():
        with transaction.atomic(using):
            due = OutboxTask.objects.using(using).filter(next_try_at__lte=timezone.now())
            rows = due.exclude(backend__in=list(done.away)).order_by("next_try_at", "pk")
            skip = connections[using].features.has_select_for_update_skip_locked
            row = rows.select_for_update(skip_locked=skip).first()
            if row is None:
                break
            done = _relay_one(row, done, using)
    return done


def _relay_one(row: OutboxTask, done: Relayed, using: str) -> Relayed:
    try:
        resource = _resource(row)
        store = store_of(_store(row.backend), resource)
        store.create(resource)
        if row.cancel_reason is not None:
            # Where it was created before, by a process that did not know of this.
            store.cancel(row.pk, row.cancel_reason)
    except SYSTEMIC as error:
        _put_off(row, error, _backoff(row, AWAY_BACKOFF_MAX), using)
        return replace(done, away={**done.away, row.backend: str(error)})
    except (TaskException, ValueError, RecursionError) as error:
        wait = _backoff(row, REFUSED_BACKOFF_MAX)
        logger.error("Task %s is in the outbox and cannot be sent; next try in %s: %s", row.pk, wait, error)
        _put_off(row, error, wait, using)
        return replace(done, refused=done.refused + 1)
    # Not where a router would write: there is no such row.
    row.delete(using=using)
    return replace(done, sent=done.sent + 1)


def _backoff(row: OutboxTask, most: timedelta) -> timedelta:
    return min(BACKOFF * float(2 ** min(row.tries, 16)), most)


def _put_off(row: OutboxTask, error: Exception, wait: timedelta, using: str) -> None:
    row.tries += 1
    row.error = str(error).replace("\0", "")[:ERROR_MAX_CHARS]
    row.next_try_at = timezone.now() + wait
    row.save(using=using, update_fields=["tries", "error", "next_try_at"])


def _resource(row: OutboxTask) -> Resource:
    """Raises ValueError where the row has something else: by hand, or from another version."""
    try:
        resource = resource_of(row)
        if not (isinstance(resource["kind"], str) and resource["metadata"]["name"] == row.pk and resource["spec"]):
            raise ValueError("its resource is of another name")
    except (TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"its resource cannot be read ({type(error).__name__}: {error})") from error
    return resource


def _store(alias: str) -> TaskStore:
    """Where the tasks of a backend are. Raises ValueError where TASKS has no such backend."""
    backend: Any = task_backends[alias] if alias in task_backends.settings else None
    if not isinstance(backend, KubernetesBackend):
        raise ValueError(
            f"TASKS has no backend {alias!r} that runs tasks on Kubernetes. Bring it back, or delete the row."
        )
    return backend.store
