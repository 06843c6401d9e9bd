"""Tasks that are enqueued again and again: declared in Python, synced to the cluster by `manage.py schedules sync`.

    from django.tasks import task
    from django_tasks_kubernetes.schedules import schedule

    @schedule("0 2 * * *", timezone="Europe/Berlin")
    @task(queue_name="maintenance")
    def clean_up() -> None: ...

Light, since task pods import it with the modules of tasks: expressions and zones are read by the checks.
"""

from django_tasks_kubernetes.schedules.declare import schedule
from django_tasks_kubernetes.schedules.definition import Schedule

__all__ = ["Schedule", "schedule"]
