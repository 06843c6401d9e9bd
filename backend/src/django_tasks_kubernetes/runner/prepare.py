"""From the assignment to a TaskResult that is ready to run: Django, the task, its arguments."""

from typing import TYPE_CHECKING, NoReturn

from django_tasks_kubernetes.runner.cannot_run import CannotRun
from djangotasks_api.assignment import INPUTS_ENCODING, Assignment
from djangotasks_api.phases import Reason

if TYPE_CHECKING:
    from django_tasks_kubernetes.chunk import Chunk
    from django_tasks_kubernetes.result import KubernetesResult
    from django_tasks_kubernetes.task import AnyTask


def prepare(assignment: Assignment, *, is_set_up: bool = False) -> "KubernetesResult":
    """Sets Django up, unless that is done, and loads the task with its arguments. Raises CannotRun from the error."""
    if not is_set_up:
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

    from django_tasks_kubernetes.codec.resource import decode_arguments, payload_text
    from django_tasks_kubernetes.codec.times import from_wire
    from django_tasks_kubernetes.exceptions import InvalidPayload
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
    args, kwargs, is_chunk = decode_arguments(payload)
    if assignment.chunk is not None and not is_chunk:
        raise InvalidPayload('The task is a chunk, and its payload has no list of items, "each".')
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
        chunk=_chunk(assignment, alias, len(args[0])) if is_chunk else None,
    )


def _chunk(assignment: Assignment, alias: str, size: int) -> "Chunk":
    """What this attempt has to run, and what earlier ones have left. Raises InvalidPayload and CannotRun."""
    from django_tasks_kubernetes.chunk import Chunk
    from django_tasks_kubernetes.exceptions import InvalidPayload
    from djangotasks_api.workflow.ranges import Indexes

    try:
        wanted = Indexes.below(size) if assignment.chunk is None else Indexes.parse(assignment.chunk)
    except ValueError as error:
        raise InvalidPayload(f"The items that are to run cannot be read: {error}.") from None
    if any(last >= size for _, last in wanted.ranges()):
        raise InvalidPayload(f"The items {wanted} are to run, and the list has {size}.")
    if not assignment.has_items:
        return Chunk(size=size, only=str(wanted))
    from django_tasks_kubernetes.runner.items import earlier_items

    return earlier_items(assignment, alias, size, wanted)


def alias_of(assignment: Assignment, task: "AnyTask") -> str:
    """The alias the task was enqueued with, if the settings here have it; else the task's own. Raises CannotRun where
    there is no making its backend, such as one that this image lacks."""
    from django.tasks import task_backends

    alias = assignment.backend if assignment.backend in task_backends.settings else task.backend
    try:
        task_backends[alias]
    except BaseException as error:  # noqa: BLE001 - passed on
        _raise(error, Reason.SETUP_ERROR, retryable=True)
    return alias


def _raise(error: BaseException, reason: Reason, *, retryable: bool) -> NoReturn:
    # Being ended while setting up is no failure of the setup.
    from django_tasks_kubernetes.runner.process import Terminated

    if isinstance(error, Terminated):
        raise error
    raise CannotRun(reason, retryable=retryable) from error
