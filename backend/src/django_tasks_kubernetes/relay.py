"""Sends the rows of the outbox that the processes which wrote them have left. See `manage.py relay_tasks`."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.tasks import task_backends
from django.tasks.exceptions import InvalidTaskBackend, TaskException
from django.utils import timezone

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.batches import ROWS_PER_QUERY
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.conf import Enqueue
from django_tasks_kubernetes.databases import repeated
from django_tasks_kubernetes.enqueue.bulk import SYSTEMIC
from django_tasks_kubernetes.exceptions import CrdNotInstalled, PermissionDenied
from django_tasks_kubernetes.models import OutboxTask
from django_tasks_kubernetes.presentation.text import message_of
from django_tasks_kubernetes.store import TaskStore, store_of
from django_tasks_kubernetes.stores.outbox import resource_of
from djangotasks_api.names import WORKFLOW_KIND

if TYPE_CHECKING:
    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

BACKOFF: Final = timedelta(seconds=5)
REFUSED_BACKOFF_MAX: Final = timedelta(minutes=5)
# Shorter: a cluster that is back takes the others at once.
AWAY_BACKOFF_MAX: Final = timedelta(minutes=1)
ERROR_MAX_CHARS: Final = 2000
# Errors of SYSTEMIC that concern one kind of resource.
OF_A_KIND: Final = (PermissionDenied, CrdNotInstalled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """What became of the rows that were due."""

    sent: int = 0
    """Tasks that the cluster has now."""

    refused: int = 0
    """Tasks that the cluster did not take."""

    away: Mapping[str, str] = field(default_factory=dict)
    """The backends whose cluster takes nothing, with the reason: no more of their rows were tried."""


def outbox_databases() -> list[str]:
    """The aliases of the databases in which backends of TASKS have their outboxes, each once. Backends that cannot be
    made here are left out: their rows say why."""
    found: dict[str, None] = {}
    for alias in task_backends.settings:
        with suppress(InvalidTaskBackend, ImproperlyConfigured):
            backend = task_backends[alias]
            if not isinstance(backend, KubernetesBackend) or not backend.in_cluster:
                continue
            if (options := backend.parsed_options).enqueue is Enqueue.OUTBOX:
                found[options.database] = None
    return list(found)


def relay(using: str, should_continue: Callable[[], bool] = lambda: True) -> Relayed:
    """Sends every row that is due, each in a transaction of its own. Several relays share the work.

    A backend whose cluster does not answer, or refuses this process, holds up its own rows and no others.
    `should_continue`: asked before each row.
    """
    done = Relayed()
    while found := _due(done, using):
        before = done
        for pk, backend in found:
            if not should_continue():
                return done
            if backend not in done.away:
                done = repeated(partial(_relay_row, pk, done, using))
        if done == before:
            break  # Others have what is left.
    return done


def _due(done: Relayed, using: str) -> list[tuple[str, str]]:
    """The first rows that are due, each with its backend. Many at once, and without a lock: to find one can cost as
    much as to find all, where they are due at one time, or an old transaction still sees those that are gone."""
    due = OutboxTask.objects.using(using).filter(next_try_at__lte=timezone.now()).exclude(backend__in=list(done.away))
    return list(due.order_by("next_try_at", "pk").values_list("pk", "backend")[:ROWS_PER_QUERY])


def _relay_row(pk: str, done: Relayed, using: str) -> Relayed:
    """The same where the row is gone, put off, or held by another relay."""
    due = OutboxTask.objects.using(using).filter(pk=pk, next_try_at__lte=timezone.now())
    row, error = _try(due, using, lambda backend: backend.store)
    if row is None:
        return done
    if error is None:
        return replace(done, sent=done.sent + 1)
    if _is_away(error, row):
        return replace(done, away={**done.away, row.backend: str(error)})
    return replace(done, refused=done.refused + 1)


def send_now(pk: str, using: str, store: Callable[[KubernetesBackend], TaskStore]) -> bool:
    """Sends a row, whether it is due or not. Returns False where it is gone, or a relay is sending it. Raises
    TaskException and ValueError, which the row has as its error then. `store`: of a backend, to send it to."""
    row, error = _try(OutboxTask.objects.using(using).filter(pk=pk), using, store)
    if error is not None:
        raise error
    return row is not None


def discard(pk: str, using: str) -> bool:
    """Deletes a row, so that its task never comes to be. Returns False where it is gone, or a relay is sending it."""
    with transaction.atomic(using):
        row = _locked(OutboxTask.objects.using(using).filter(pk=pk), using)
        if row is not None:
            row.delete(using=using)
    return row is not None


def _locked(rows: "QuerySet[OutboxTask]", using: str) -> OutboxTask | None:
    """The first that no other process holds."""
    skip = connections[using].features.has_select_for_update_skip_locked
    return rows.select_for_update(skip_locked=skip).first()


class _NotSent(Exception):
    """Takes the row's transaction back. Its cause is what kept the row from being sent."""

    def __init__(self, row: OutboxTask, error: Exception) -> None:
        self.row = row
        self.error = error


def _try(
    rows: "QuerySet[OutboxTask]", using: str, store: Callable[[KubernetesBackend], TaskStore]
) -> tuple[OutboxTask | None, Exception | None]:
    """Sends the first row that no other process holds. Returns it, and what kept it from being sent."""
    try:
        with transaction.atomic(using):
            if (row := _locked(rows, using)) is not None:
                _send(row, using, store)
    except _NotSent as problem:
        # After the transaction: the database may have ended that while the cluster gave no answer
        # (idle_in_transaction_session_timeout), and must not be taken for what is away.
        _put_off(problem.row, problem.error, using)
        return problem.row, problem.error
    return row, None


def _send(row: OutboxTask, using: str, store: Callable[[KubernetesBackend], TaskStore]) -> None:
    """Sends a row, which the transaction holds, and deletes it. Raises _NotSent."""
    try:
        resource = _resource(row)
        found = store_of(store(_backend(row.backend)), resource)
        found.create(resource)
        if row.cancel_reason is not None:
            # Where it was created before, by a process that did not know of this.
            found.cancel(row.pk, row.cancel_reason)
    except (*SYSTEMIC, TaskException, ValueError, RecursionError) as error:
        raise _NotSent(row, error) from error
    # Not where a router would write: there is no such row.
    row.delete(using=using)


def _is_away(error: Exception, row: OutboxTask) -> bool:
    """Whether the backend's other rows would meet it, too. Workflows may lack rights, or a CustomResourceDefinition,
    that tasks have."""
    is_of_kind = isinstance(error, OF_A_KIND) and f'"{WORKFLOW_KIND}"' in row.resource
    return isinstance(error, SYSTEMIC) and not is_of_kind


def _put_off(row: OutboxTask, error: Exception, using: str) -> None:
    is_away = _is_away(error, row)
    wait = min(BACKOFF * float(2 ** min(row.tries, 16)), AWAY_BACKOFF_MAX if is_away else REFUSED_BACKOFF_MAX)
    if not is_away:
        logger.error("Task %s is in the outbox and cannot be sent; next try in %s: %s", row.pk, wait, error)
    same = OutboxTask.objects.using(using).filter(pk=row.pk, created_at=row.created_at)
    same.update(tries=row.tries + 1, error=message_of(error, ERROR_MAX_CHARS), next_try_at=timezone.now() + wait)


def _resource(row: OutboxTask) -> Resource:
    """Raises ValueError where the row has something else: by hand, or from another version."""
    try:
        resource = resource_of(row)
        if not (isinstance(resource["kind"], str) and resource["metadata"]["name"] == row.pk and resource["spec"]):
            raise ValueError("its resource is of another name")
    except (TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"its resource cannot be read ({type(error).__name__}: {error})") from error
    return resource


def _backend(alias: str) -> KubernetesBackend:
    """Raises ValueError where TASKS has no such backend."""
    backend: Any = task_backends[alias] if alias in task_backends.settings else None
    if not isinstance(backend, KubernetesBackend):
        raise ValueError(
            f"TASKS has no backend {alias!r} that runs tasks on Kubernetes. Bring it back, or delete the row."
        )
    return backend
