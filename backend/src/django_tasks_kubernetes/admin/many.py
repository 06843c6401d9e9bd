"""Does the same with many tasks, in the time that a web request may take."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Final

from django.db import connections
from django.tasks.exceptions import TaskException, TaskResultDoesNotExist
from django.utils.translation import gettext as _

from django_tasks_kubernetes.admin.actions import Done
from django_tasks_kubernetes.enqueue.bulk import CONCURRENCY, SYSTEMIC

SECONDS: Final = 20.0
ACTION_MAX: Final = 1000


@dataclass(slots=True)
class Report:
    done: dict[str, Done] = field(default_factory=dict)
    """By primary key."""
    left_alone: dict[str, str] = field(default_factory=dict)
    """Why, by primary key."""
    failed: dict[str, str] = field(default_factory=dict)
    """In the words of the error, by primary key."""
    to_do: list[str] = field(default_factory=list)
    """Those for which there was no time."""


def do_all(
    pks: Iterable[str],
    one: Callable[[str], Done | str],
    clock: Callable[[], float] = time.monotonic,
    *,
    in_threads: bool = True,
) -> Report:
    """Calls `one` for each, in some threads, until the time is over, or an error comes that all would meet.

    Without threads: one after the other, for what is done in this thread's database."""
    wanted = list(dict.fromkeys(pks))
    end = clock() + SECONDS
    stopped: list[Exception] = []

    def attempt(pk: str) -> Done | str | Exception | None:
        if stopped or clock() >= end:
            return None
        try:
            return one(pk)
        except SYSTEMIC as error:
            stopped.append(error)
            return error
        except (TaskException, ValueError) as error:
            return error

    def in_thread(pk: str) -> Done | str | Exception | None:
        try:
            return attempt(pk)
        finally:
            # Receivers may have opened some, which no end of a request closes here.
            connections.close_all()

    if len(wanted) == 1 or not in_threads:
        outcomes = [attempt(pk) for pk in wanted]
    else:
        with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="djangotasks_admin") as pool:
            # With its context: the language, and under in_memory() whose code is running.
            outcomes = [future.result() for future in [pool.submit(copy_context().run, in_thread, pk) for pk in wanted]]
    return _report(wanted, outcomes)


def _report(wanted: list[str], outcomes: list[Done | str | Exception | None]) -> Report:
    report = Report()
    for pk, outcome in zip(wanted, outcomes, strict=True):
        match outcome:
            case Done():
                report.done[pk] = outcome
            case str():
                report.left_alone[pk] = outcome
            case None:
                report.to_do.append(pk)
            case TaskResultDoesNotExist():
                report.left_alone[pk] = _("does not exist any more")
            case _:
                report.failed[pk] = str(outcome)
    return report
