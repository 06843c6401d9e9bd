"""python -m tests.support.admin_project.rows: two tasks in the outbox, and an end for which no receiver could be called."""

import os

# Else they would be sent at once.
os.environ["KUBECONFIG"] = os.devnull

import django
from django.utils import timezone

django.setup()

from shop.probes import add  # noqa: E402 - models need the settings

from django_tasks_kubernetes.models import TaskEnd  # noqa: E402

for number in range(2):
    add.enqueue(number, 2)
TaskEnd.objects.create(
    key="uid", uid="uid", task_id="task-of-yesterday", task="shop.mail.send_receipt", queue="default", backend="default",
    resource="{}", seen_at=timezone.now(), tries=10, next_try_at=None, error="ConnectionError: no such host",
)  # fmt: skip
