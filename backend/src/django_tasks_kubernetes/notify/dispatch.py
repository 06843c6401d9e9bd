"""Calls the receivers of an end one by one, so that only those which raise are called again."""

import logging
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import async_to_sync
from django.db import transaction
from django.dispatch import Signal

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.notify.ends import End, is_workflow
from django_tasks_kubernetes.presentation.text import message_of

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend

logger = logging.getLogger(__name__)

type Receiver = Callable[..., Any]
ERROR_MAX_CHARS: Final = 2000
# What a receiver may raise without ending the process, and with it the turn of all others. Of an asynchronous one,
# something in it may have been cancelled.
RAISED: Final = (Exception, SystemExit, CancelledError)


def signal_of(end: End) -> Signal:
    if end.of_workflow:
        return signals.workflow_ended
    return signals.task_ended if end.attempt is None else signals.task_attempt_failed


def arguments_of(end: End, result: Any) -> dict[str, Any]:
    """The arguments of its signal. `result`: see `result_of`."""
    why = {"reason": end.reason, "message": end.message}
    if end.of_workflow:
        return {"workflow_result": result, **why}
    number = {} if end.attempt is None else {"attempt": end.attempt}
    return {"task_result": result, **why, "reported": end.reported, **number}


def result_of(backend: "KubernetesBackend", resource: Resource) -> Any:
    """The result of a task, or of a workflow. Raises InvalidResource."""
    return backend.workflows.result_of(resource) if is_workflow(resource) else backend.decode(resource)


@dataclass(slots=True)
class Dispatched:
    """Which receivers were called for an end."""

    names: list[str] = field(default_factory=list)
    """Those that did not raise, this time or before."""

    error: str = ""
    """What the others raised; empty when none did."""


def dispatch(end: End, result: Any, sender: type, already: list[str], using: str) -> Dispatched:
    """Calls the receivers that are not among `already`, each in a savepoint of the current transaction."""
    done, errors = Dispatched(list(already)), []
    signal = signal_of(end)
    for name, call in receivers_of(signal, sender):
        if name in already:
            continue
        try:
            with transaction.atomic(using):
                call(signal=signal, sender=sender, **arguments_of(end, result))
        except RAISED as error:
            logger.warning("%s: receiver %s raised, and will be called again.", result.id, name, exc_info=True)
            errors.append(f"{name}: {type(error).__name__}: {message_of(error, ERROR_MAX_CHARS)}")
        else:
            done.names.append(name)
    done.error = "; ".join(errors)[:ERROR_MAX_CHARS]
    return done


def receivers_of(signal: Signal, sender: type) -> Iterator[tuple[str, Receiver]]:
    """The receivers, with names that are the same in every process. Asynchronous ones are wrapped as synchronous."""
    # Private, and the only way to know them: send() calls all receivers, also those that were called before.
    synchronous, asynchronous = signal._live_receivers(sender)
    seen: dict[str, int] = {}
    for receiver in [*synchronous, *asynchronous]:
        named = receiver if hasattr(receiver, "__qualname__") else type(receiver)
        name = f"{named.__module__}.{named.__qualname__}"
        seen[name] = seen.get(name, 0) + 1
        name += f" ({seen[name]})" if seen[name] > 1 else ""
        yield name, async_to_sync(receiver) if receiver in asynchronous else receiver
