"""The runner's own lines (few, on stderr, never arguments or results), and log records that say whose they are."""

import logging
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from djangotasks_api.assignment import Assignment


class _Lines(logging.LoggerAdapter[logging.Logger]):
    """Lines that cost no outcome: what a filter, a handler or a factory of the project raises is not raised here."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        try:
            # Of the caller: two levels up, as logging counts.
            super().log(level, msg, *args, stacklevel=2, **kwargs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the task is more important
            with suppress(Exception):
                line = str(msg) % args if args else str(msg)
                sys.stderr.write(f"{line}\n(The project's logging raised {type(error).__name__}: {error})\n")


logger = _Lines(logging.getLogger("django_tasks_kubernetes.runner"))


def log_within(seconds: float, log: Callable[[], object]) -> None:
    """Calls what logs, and goes on after so long: a handler of the project may wait for a network for ever, and a pipe
    for a reader."""
    thread = threading.Thread(target=copy_context().run, args=(log,), name="djangotasks-log", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # there are too many
        log()
    else:
        thread.join(seconds)


def mark_records(assignment: Assignment) -> None:
    """From now on, every log record of this process has attributes that tell the task and the attempt.

    No line looks different for it: a formatter has to ask for them, as those for JSON do. Their names are prefixed,
    because logging refuses an `extra` of the same name, and projects do say extra={"task_id": …}.

    Wraps the factory of records that there is. To be called again when the project may have set one of its own.
    """
    # Django's LOGGING turns off the loggers that there are, unless it says otherwise.
    logger.logger.disabled = False
    make = logging.getLogRecordFactory()
    if isinstance(make, _Marking):
        return
    logging.setLogRecordFactory(
        _Marking(
            make,
            {
                "djangotask_id": assignment.id,
                "djangotask_path": assignment.task,
                "djangotask_attempt": assignment.attempt,
                "djangotask_queue": assignment.queue,
            },
        )
    )


def is_shown(name: str) -> bool:
    """Whether an error that is logged there is written to stdout or stderr, as the project's LOGGING is."""
    found: logging.Logger | None = logging.getLogger(name)
    if found is None or not found.isEnabledFor(logging.ERROR):
        return False
    with suppress(Exception):  # of a filter, or of a factory
        record = found.makeRecord(name, logging.ERROR, __file__, 0, "", (), None)
        while found is not None:
            if any(_shows(handler, record) for handler in found.handlers):
                return True
            found = found.parent if found.propagate else None
    return False


def _shows(handler: logging.Handler, record: logging.LogRecord) -> bool:
    is_stream = isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler)
    return is_stream and record.levelno >= handler.level and bool(handler.filter(record))


class _Marking:
    def __init__(self, make: Any, attributes: dict[str, str | int]) -> None:
        self._make = make
        self._attributes = attributes

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._make(*args, **kwargs)
        record.__dict__.update(self._attributes)
        return record
