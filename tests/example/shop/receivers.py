"""What the shop does when a task starts or ends."""

import logging
import sys
from typing import Any

from django.dispatch import receiver
from django.tasks import TaskResultStatus
from django.tasks.signals import task_finished, task_started

logger = logging.getLogger(__name__)


@receiver(task_started)
def note_start(sender: type, task_result: Any, **kwargs: Any) -> None:
    """In the task's pod, before the task."""
    logger.info("attempt %d starts", task_result.attempts)


@receiver(task_finished)
def note_end(sender: type, task_result: Any, **kwargs: Any) -> None:
    """In the task's pod, after each attempt that returned or raised."""
    if task_result.status == TaskResultStatus.FAILED:
        logger.warning("attempt %d failed: %r", task_result.attempts, sys.exc_info()[1])
    else:
        logger.info("attempt %d succeeded", task_result.attempts)
