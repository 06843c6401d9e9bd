"""A project that is called when tasks end."""

from typing import Any

from django.apps import AppConfig


class ReceiversConfig(AppConfig):
    name = "tests.support.admin_project"
    label = "receivers"

    def ready(self) -> None:
        from django_tasks_kubernetes.signals import task_ended

        task_ended.connect(receiver)


def receiver(**kwargs: Any) -> None:
    """Is there to be connected: no story calls it."""
