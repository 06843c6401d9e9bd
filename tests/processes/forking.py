"""A project that forks before its task is called, and whose child goes on as if nothing were."""

import os
from typing import Any

from django.dispatch import receiver
from django.tasks import task
from django.tasks.signals import task_started


@receiver(task_started)
def fork(**_: Any) -> None:
    if os.fork():
        os.wait()


@task
def counted() -> str:
    print("called")
    return "done"
