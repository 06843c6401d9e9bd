"""Wagtail, and the decorator of the django-tasks backport, which it uses."""

from django.test import TestCase, TransactionTestCase
from wagtail.models import Page

from django_tasks_kubernetes.task import KubernetesTask
from django_tasks_kubernetes.testing import in_memory
from tools.clients import jobs


class Wagtail(TestCase):
    def test_a_page_is_indexed_by_tasks(self) -> None:
        with in_memory() as cluster:
            with self.captureOnCommitCallbacks(execute=True):
                page = Page.objects.get(depth=1).add_child(instance=Page(title="Lighthouse"))
                page.save_revision().publish()
            assert cluster.results
            assert not Page.objects.search("Lighthouse")
            with self.captureOnCommitCallbacks(execute=True):
                done = cluster.run_pending()
        assert {str(result.status) for result in done} == {"SUCCESSFUL"}
        assert [found.pk for found in Page.objects.search("Lighthouse")] == [page.pk]

    def test_the_backport_makes_tasks_of_this_backend(self) -> None:
        assert isinstance(jobs.double_by_backport, KubernetesTask)
        with in_memory() as cluster:
            result = jobs.double_by_backport.enqueue(4)
            cluster.run_pending()
            result.refresh()
        assert result.return_value == 8


class WagtailInATask(TransactionTestCase):
    """In a pod no test's transaction is around the task: what it enqueues on commit, it enqueues itself."""

    def test_a_page_that_a_task_saves_is_indexed_by_tasks(self) -> None:
        with in_memory() as cluster:
            parent = jobs.publish.enqueue("Lighthouse in a task")
            done = cluster.run_pending()
        assert {str(result.status) for result in done} == {"SUCCESSFUL"}
        children = [result for result in done if result.enqueued_by and result.enqueued_by.id == parent.id]
        assert {result.task.module_path for result in children} >= {"wagtail.tasks.update_reference_index_task"}
        assert [found.title for found in Page.objects.search("Lighthouse")] == ["Lighthouse in a task"]
