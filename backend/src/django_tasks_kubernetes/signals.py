"""Signals that `manage.py watch_tasks` sends when tasks, their attempts and workflows end, also those that no pod can
report.

    from django.dispatch import receiver
    from django_tasks_kubernetes.signals import task_ended

    @receiver(task_ended)
    def mark_order(sender, task_result, reason, **kwargs):
        if reason is not None: ...

Connect receivers where Django is set up, as in AppConfig.ready(). They run in the process of watch_tasks, each in a
database transaction that also records that the receiver was called. A receiver that raises is called again, and one
that did not may be called twice: make it idempotent.

Arguments, beside `sender`, the class of the backend:

`task_result`: as get_result() returns it; of a workflow `workflow_result`, as get_workflow() does. `reason`: a value
of djangotasks_api.phases.Reason as text, such as "OOMKilled", and None after a success. `message`: the same as a
sentence. `reported`, of a task: whether the pod has sent Django's own task_finished for it. False for what ended a
pod from outside, or ended without one.
"""

from typing import Any, Final

from django.dispatch import Signal
from django.tasks.signals import task_finished

task_ended: Final = Signal()
"""A task has reached its final status: SUCCESSFUL or FAILED."""

task_attempt_failed: Final = Signal()
"""An attempt has ended without success, whether or not another follows. `attempt`: its number."""

workflow_ended: Final = Signal()
"""A workflow is over: all its steps are, or it was deleted before. `reason`: such as "StepFailed"."""


def send_task_finished(sender: type, task_result: Any, reported: bool, **kwargs: Any) -> None:
    """Sends Django's task_finished for an end that no pod has reported. A receiver of task_ended, which `manage.py
    watch_tasks --task-finished` connects for packages that know no other signal."""
    if not reported:
        task_finished.send(sender, task_result=task_result)
