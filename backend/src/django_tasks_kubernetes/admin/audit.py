"""Who did what: in the admin's log, which its history pages show, and in the process's own."""

import logging
from typing import Any

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.http import HttpRequest

from django_tasks_kubernetes.admin.actions import Action, Asked
from django_tasks_kubernetes.admin.many import Report
from django_tasks_kubernetes.models import Task

logger = logging.getLogger(__name__)


def note(request: HttpRequest, action: Action, asked: Asked, report: Report) -> None:
    """Keeps what was done, with the person and the reason."""
    tasks = [Task.shown(pk, done.task) for pk, done in report.done.items()]
    if not tasks:
        return
    user: Any = request.user
    message = " ".join(str(words) for words in (action.done, asked.reason) if words)
    flag = DELETION if action.name == "delete" else CHANGE
    LogEntry.objects.log_actions(user.pk, tasks, flag, message)
    logger.info(
        "%s: %s of %d tasks: %s", asked.words, action.name, len(tasks), ", ".join(str(t.pk) for t in tasks[:20])
    )
