"""Who did what: in the admin's log, which its history pages show, and in the process's own."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.db import Error, router, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_tasks_kubernetes.admin.actions import Action, Asked
from django_tasks_kubernetes.admin.base import person
from django_tasks_kubernetes.admin.many import Report
from django_tasks_kubernetes.models import Task

logger = logging.getLogger(__name__)


@contextmanager
def kept(request: HttpRequest, what: str) -> Iterator[None]:
    """Around what writes the admin's log, after something was done. A database that is away, or that takes no writes,
    undoes nothing in the cluster: a message says that it is done, and the log of the process has it. `what`: in words.
    """
    try:
        # A savepoint: with ATOMIC_REQUESTS the rest of the request goes on in the same transaction.
        with transaction.atomic(using=router.db_for_write(LogEntry)):
            yield
    except Error:
        logger.exception("The admin's log could not be written. %s: %s", person(request), what)
        messages.warning(
            request, _("It is done. Who did it could not be written to the admin's history: the web app's log has it.")
        )


def note(request: HttpRequest, action: Action, asked: Asked, report: Report) -> None:
    """Keeps what was done, with the person and the reason."""
    tasks = [Task.shown(pk, done.task) for pk, done in report.done.items()]
    if not tasks:
        return
    user: Any = request.user
    message = " ".join(str(words) for words in (action.done, asked.reason) if words)
    flag = DELETION if action.name == "delete" else CHANGE
    logger.info(
        "%s: %s of %d tasks: %s", asked.words, action.name, len(tasks), ", ".join(str(t.pk) for t in tasks[:20])
    )
    with kept(request, message):
        LogEntry.objects.log_actions(user.pk, tasks, flag, message)
