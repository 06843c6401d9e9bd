"""Packages that retry tasks, or enqueue them in a task."""

from django.test import TestCase, override_settings
from maintenance_tasks import runner
from overseer.models import Job

from django_tasks_kubernetes.testing import in_memory
from tools.clients import jobs


class Runners(TestCase):
    def setUp(self) -> None:
        jobs.seen.clear()

    def test_django_overseer_retries_until_the_task_succeeds(self) -> None:
        with in_memory() as cluster:
            jobs.flaky.enqueue()
            cluster.run_pending()
        job = Job.objects.get()
        assert job.status.lower() == "succeeded", job.status
        assert jobs.seen == ["flaky"] * 3

    def test_django_maintenance_tasks_runs_all_items(self) -> None:
        assert self.backfill() == ("succeeded", 1)

    @override_settings(MAINTENANCE_TASKS={"MAX_RUNTIME": 0})
    def test_django_maintenance_tasks_enqueues_itself_again(self) -> None:
        assert self.backfill() == ("succeeded", 3)

    def backfill(self) -> tuple[str, int]:
        with in_memory() as cluster:
            with self.captureOnCommitCallbacks(execute=True):
                run = runner.start(jobs.Backfill.name)
            while any(result.status == "READY" for result in cluster.results):
                with self.captureOnCommitCallbacks(execute=True):
                    cluster.run_pending()
        run.refresh_from_db()
        assert jobs.seen == [0, 1, 2, 3, 4]
        return str(run.status), len(cluster.results)
