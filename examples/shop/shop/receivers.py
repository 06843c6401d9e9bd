"""What the shop does when a task starts or ends."""

import logging
import sys
from typing import Any

from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished, task_started

from django_tasks_kubernetes.signals import task_ended

from .mail import send_receipt
from .models import Order

logger = logging.getLogger(__name__)


@receiver(task_started)
def note_start(sender: type, task_result: Any, **kwargs: Any) -> None:
    """In the task's pod, before the task."""
    logger.info("attempt %d starts", task_result.attempts)


@receiver(task_finished)
def note_end(sender: type, task_result: Any, **kwargs: Any) -> None:
    """In the task's pod, after its last attempt has returned or raised."""
    if task_result.status == TaskResultStatus.FAILED:
        logger.warning("attempt %d failed: %r", task_result.attempts, sys.exc_info()[1])
    else:
        logger.info("attempt %d succeeded", task_result.attempts)


@receiver(task_ended)
def mark_order(sender: type, task_result: Any, reason: str | None, message: str, **kwargs: Any) -> None:
    """In `manage.py watch_tasks`, however the task ended: no pod can tell that it was cancelled, or had no memory."""
    if task_result.task.module_path == send_receipt.module_path:
        error = f"{reason}: {message}"[:200] if reason else ""
        Order.objects.filter(pk=task_result.args[0]).update(receipt_error=error)
