"""Packages that record tasks by Django's signals."""

from django.test import TestCase
from django_taskly.models import TaskSnapshot
from tasks_monitor.models import TaskRecord

from django_tasks_kubernetes.signals import send_task_finished, task_ended
from django_tasks_kubernetes.testing import in_memory
from tools.clients import jobs


class Monitors(TestCase):
    def test_django_tasks_monitor_records_success_and_failure(self) -> None:
        with in_memory() as cluster:
            done, failed = jobs.double.enqueue(2), jobs.fail.enqueue()
            cluster.run_pending()
        assert TaskRecord.objects.get(result_id=done.id).status == "SUCCESSFUL"
        record = TaskRecord.objects.get(result_id=failed.id)
        assert (record.status, record.exception_class) == ("FAILED", "builtins.ValueError")
        assert "out of stock" in record.traceback

    def test_django_taskly_records_success_and_failure(self) -> None:
        with in_memory() as cluster:
            done, failed = jobs.double.enqueue(2), jobs.fail.enqueue()
            cluster.run_pending()
        assert TaskSnapshot.objects.get(task_id=done.id).status == "SUCCESSFUL"
        assert TaskSnapshot.objects.get(task_id=failed.id).status == "FAILED"

    def test_ends_that_no_pod_reports_reach_both_by_send_task_finished(self) -> None:
        task_ended.connect(send_task_finished)
        try:
            with in_memory() as cluster:
                lost, cancelled = jobs.double.enqueue(1), jobs.double.enqueue(2)
                cluster.fail(lost.id, "DeadlineExceeded", "it took too long")
                cluster.cancel(cancelled.id, "a test")
                cluster.send_ends()
        finally:
            task_ended.disconnect(send_task_finished)
        for id_ in (lost.id, cancelled.id):
            assert TaskRecord.objects.get(result_id=id_).status == "FAILED"
            assert TaskSnapshot.objects.get(task_id=id_).status == "FAILED"
