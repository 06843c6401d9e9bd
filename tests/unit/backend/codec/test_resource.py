"""Field selectors for results."""

from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec.resource import selector


def test_selector_of_queue_status_and_task() -> None:
    running = selector(queue="mail", status=TaskResultStatus.RUNNING, task="a.b")
    assert running == "spec.queue=mail,spec.task=a.b,status.phase=Running"
    ready = selector(queue=None, status=TaskResultStatus.READY, task=None)
    assert ready == "status.phase!=Running,status.phase!=Succeeded,status.phase!=Failed,status.phase!=Cancelled"
    assert selector(queue=None, status=None, task=None) == ""
