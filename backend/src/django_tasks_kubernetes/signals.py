"""Signals that no pod can send, and `manage.py watch_tasks` therefore does: how tasks and their attempts ended.

    from django.dispatch import receiver
    from django_tasks_kubernetes.signals import task_ended

    @receiver(task_ended)
    def mark_order(sender, task_result, reason, **kwargs):
        if reason is not None: ...

Connect them where Django is set up, as in AppConfig.ready(). Receivers run in the process of watch_tasks, in a database
transaction each: what one writes there is committed together with the note that it has been told. One that raises is
tried again, so that it must bear to be called more than once.

Arguments of both, beside `sender`, the class of the backend:

`task_result`: as get_result() gives it. `reason`: a word of djangotasks_api.phases.Reason as text, such as "OOMKilled",
and None after a success. `message`: the same as a sentence. `reported`: whether the pod has sent Django's own
task_finished for it. False for what ended a pod from outside, or ended without one.
"""

from typing import Final

from django.dispatch import Signal

task_ended: Final = Signal()
"""A task has reached its final status: SUCCESSFUL or FAILED."""

task_attempt_failed: Final = Signal()
"""An attempt has ended without success, whether or not another follows. `attempt`: its number."""
