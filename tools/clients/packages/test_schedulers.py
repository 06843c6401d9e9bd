"""Packages that enqueue tasks at their time."""

import threading
from datetime import timedelta
from typing import Any

import crontask
from django.tasks.signals import task_enqueued
from django.test import TestCase
from django.utils import timezone
from django_periodic_tasks.models import ScheduledTask, TaskExecution
from django_periodic_tasks.scheduler import PeriodicTaskScheduler
from django_scheduled_tasks.base import scheduler

from django_tasks_kubernetes.testing import in_memory
from tools.clients import jobs


class Schedulers(TestCase):
    def setUp(self) -> None:
        jobs.seen.clear()

    def test_django_periodic_tasks_runs_a_due_task_once(self) -> None:
        due = timezone.now() - timedelta(minutes=1)
        path = "tools.clients.jobs.nightly"
        ScheduledTask.objects.create(name="n", task_path=path, cron_expression="0 3 * * *", next_run_at=due)
        with in_memory() as cluster:
            with self.captureOnCommitCallbacks(execute=True):
                PeriodicTaskScheduler().tick()
            cluster.run_pending()
        assert jobs.seen == ["nightly"]
        assert TaskExecution.objects.get().status == TaskExecution.Status.COMPLETED

    def test_django_scheduled_tasks_enqueues_what_is_due(self) -> None:
        over = threading.Event()

        def stop(**kwargs: Any) -> None:
            over.set()

        task_enqueued.connect(stop)
        try:
            with in_memory() as cluster:
                scheduler.run_scheduling_loop(over, timedelta(seconds=0.01))
                cluster.run_pending()
        finally:
            task_enqueued.disconnect(stop)
        assert jobs.seen == ["hourly"]

    def test_django_crontask_enqueues_a_job(self) -> None:
        (job,) = [job for job in crontask.scheduler.get_jobs() if job.name == "at_three"]
        with in_memory() as cluster:
            job.func()
            cluster.run_pending()
        assert jobs.seen == ["at three"]
