"""From the assignment to a TaskResult that is ready to run: Django, the task, its arguments."""

from typing import TYPE_CHECKING, NoReturn

from django_tasks_kubernetes.runner.cannot_run import CannotRun
from djangotasks_api.assignment import INPUTS_ENCODING, Assignment
from djangotasks_api.phases import Reason

if TYPE_CHECKING:
    from django_tasks_kubernetes.result import KubernetesResult
    from django_tasks_kubernetes.task import AnyTask


def prepare(assignment: Assignment) -> "KubernetesResult":
    """Sets Django up and loads the task with its arguments. Raises CannotRun from the error."""
    set_up()
    task = load_task(assignment.task)
    from django_tasks_kubernetes.exceptions import InvalidPayload, PayloadUnavailable

    try:
        return ready_result(assignment, task)
    except (InvalidPayload, RecursionError) as error:
        raise CannotRun(Reason.INVALID_PAYLOAD, retryable=False) from error
    except PayloadUnavailable as error:
        from django_tasks_kubernetes.runner.limits import may_pass

        raise CannotRun(Reason.PAYLOAD_UNAVAILABLE, retryable=may_pass(error)) from error


def set_up() -> None:
    import os

    import django

    try:
        django.setup()
    except BaseException as error:  # noqa: BLE001 - passed on
        if not os.environ.get("DJANGO_SETTINGS_MODULE"):
            error.add_note("Set DJANGO_SETTINGS_MODULE in the image, or in the pod template of the task's queue.")
        # Perhaps an AppConfig.ready() that met a database not there yet: the policy may try again.
        _raise(error, Reason.SETUP_ERROR, retryable=True)


def load_task(path: str) -> "AnyTask":
    """Only ever a task: a path from a resource must not call anything else."""
    from django.tasks import Task
    from django.utils.module_loading import import_string

    from django_tasks_kubernetes.exceptions import NotATask

    try:
        found = import_string(path)
    except ImportError as error:
        # Perhaps this image is older than the one that enqueued it, as during a rollout, or after it was undone.
        raise CannotRun(Reason.TASK_NOT_FOUND, retryable=True) from error
    except BaseException as error:  # noqa: BLE001 - passed on
        # The module is there and fails as it is imported.
        _raise(error, Reason.SETUP_ERROR, retryable=True)
    if not isinstance(found, Task):
        problem = NotATask(f"{path} is {type(found).__name__}, not a Django task. Decorate it with @task.")
        raise CannotRun(Reason.NOT_A_TASK, retryable=True) from problem
    return found


def ready_result(assignment: Assignment, task: "AnyTask") -> "KubernetesResult":
    """The TaskResult before this attempt. Raises InvalidPayload, PayloadUnavailable or CannotRun."""
    from django.tasks import TaskResultStatus

    from django_tasks_kubernetes.codec.resource import decode_payload, payload_text
    from django_tasks_kubernetes.codec.times import from_wire
    from django_tasks_kubernetes.result import KubernetesResult
    from django_tasks_kubernetes.task import replace_unvalidated

    alias = alias_of(assignment, task)
    if (ref := assignment.payload_ref) is not None:
        from django_tasks_kubernetes.runner.files import read_payload

        payload = read_payload(alias, ref)
    elif assignment.payload_encoding == INPUTS_ENCODING:
        from django_tasks_kubernetes.runner.inputs import fill

        payload = fill(assignment, alias)
    else:
        payload = payload_text(assignment.payload, assignment.payload_encoding)
    args, kwargs = decode_payload(payload)
    return KubernetesResult(
        task=replace_unvalidated(
            task,
            priority=assignment.priority,
            queue_name=assignment.queue,
            backend=alias,
            run_after=from_wire(assignment.run_after),
        ),
        id=assignment.id,
        status=TaskResultStatus.READY,
        enqueued_at=from_wire(assignment.enqueued_at),
        started_at=from_wire(assignment.started_at),
        last_attempted_at=None,
        finished_at=None,
        args=args,
        kwargs=kwargs,
        backend=alias,
        errors=[],
        worker_ids=list(assignment.worker_ids),
        scheduled_for=from_wire(assignment.scheduled_for),
    )


def alias_of(assignment: Assignment, task: "AnyTask") -> str:
    """The alias the task was enqueued with, if the settings here have it; else the task's own."""
    from django.tasks import task_backends

    return assignment.backend if assignment.backend in task_backends.settings else task.backend


def _raise(error: BaseException, reason: Reason, *, retryable: bool) -> NoReturn:
    # Being ended while setting up is no failure of the setup.
    from django_tasks_kubernetes.runner.process import Terminated

    if isinstance(error, Terminated):
        raise error
    raise CannotRun(reason, retryable=retryable) from error
