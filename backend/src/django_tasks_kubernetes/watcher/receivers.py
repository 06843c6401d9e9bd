"""The receivers of a signal, one by one: each is told in a savepoint of its own, and tried again by itself."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from asgiref.sync import async_to_sync
from django.db import transaction
from django.dispatch import Signal

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.watcher.events import Event

logger = logging.getLogger(__name__)

type Receiver = Callable[..., Any]
ERROR_MAX_CHARS: Final = 2000


def signal_of(event: Event) -> Signal:
    return signals.task_ended if event.attempt is None else signals.task_attempt_failed


def arguments_of(event: Event) -> dict[str, Any]:
    """Of its signal, beside the result."""
    number = {} if event.attempt is None else {"attempt": event.attempt}
    return {"reason": event.reason, "message": event.message, "reported": event.reported, **number}


@dataclass(slots=True)
class Told:
    """`names`: the receivers that have been told, by now. `error`: what the others raised; empty when there is none."""

    names: list[str] = field(default_factory=list)
    error: str = ""


def tell(event: Event, result: Any, sender: type, already: list[str], using: str) -> Told:
    """Calls those that have not been told already, each in a savepoint of the current transaction."""
    told, errors = Told(list(already)), []
    signal = signal_of(event)
    for name, call in receivers_of(signal, sender):
        if name in already:
            continue
        try:
            with transaction.atomic(using):
                call(signal=signal, sender=sender, task_result=result, **arguments_of(event))
        except (Exception, SystemExit) as error:
            logger.warning("Task %s: receiver %s raised, and is tried again.", result.id, name, exc_info=True)
            errors.append(f"{name}: {type(error).__name__}: {error}")
        else:
            told.names.append(name)
    told.error = "; ".join(errors).replace("\0", "")[:ERROR_MAX_CHARS]
    return told


def receivers_of(signal: Signal, sender: type) -> Iterator[tuple[str, Receiver]]:
    """With names that are the same in another process. Asynchronous ones can be called as the others."""
    # Not public, and the only way to know them: send() calls all of them, also those that were told before.
    synchronous, asynchronous = signal._live_receivers(sender)
    seen: dict[str, int] = {}
    for receiver in [*synchronous, *asynchronous]:
        named = receiver if hasattr(receiver, "__qualname__") else type(receiver)
        name = f"{named.__module__}.{named.__qualname__}"
        seen[name] = seen.get(name, 0) + 1
        name += f" ({seen[name]})" if seen[name] > 1 else ""
        yield name, async_to_sync(receiver) if receiver in asynchronous else receiver
