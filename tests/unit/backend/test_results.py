"""What a result does beyond Django's."""

from dataclasses import fields

from django_tasks_kubernetes.results import REFRESHED, KubernetesResult
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks


def test_all_that_a_task_can_change_is_refreshed() -> None:
    given_by_enqueue = {"task", "id", "args", "kwargs", "backend"}
    assert {field.name for field in fields(KubernetesResult)} - REFRESHED == given_by_enqueue


def test_a_refreshed_result_is_the_one_that_is_read() -> None:
    with in_memory() as cluster:
        result = tasks.fails.enqueue("no")
        assert isinstance(result, KubernetesResult)
        (done,) = cluster.run_pending()
        result.refresh()
        assert result == done
