"""Runs a task in this process, by the code that runs it in a pod."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from django.tasks import task_backends
from django.utils import timezone

from django_tasks_kubernetes.codec.decode import progress_of
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.ctrl_c import CtrlC
from django_tasks_kubernetes.local.fresh import call_fresh
from django_tasks_kubernetes.local.running import Running, entered
from django_tasks_kubernetes.result import KubernetesResult, Progress
from django_tasks_kubernetes.retry import is_retried
from django_tasks_kubernetes.runner.execute import execute
from django_tasks_kubernetes.runner.files import BRIEF_SECONDS, store_result
from djangotasks_api.names import job_name
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase, Reason
from djangotasks_api.reports import ProgressReport
from djangotasks_api.stored import TextRef


def decode(resource: Resource) -> KubernetesResult:
    """The result, as the backend of its alias in TASKS sees it."""
    backend: Any = task_backends[resource["spec"]["backend"]]
    result: KubernetesResult = backend.decode(deepcopy(resource))
    return result


def result_text(resource: Resource) -> str:
    """The return value of a task that succeeded, as JSON text. Raises InvalidResource or StorageFailed."""
    if resource["status"].get("resultRef") is None:
        return str(resource["status"]["result"])
    backend: Any = task_backends[resource["spec"]["backend"]]
    text: str = backend.workflows.result_text(resource)
    return text


def sender_of(result: KubernetesResult) -> type:
    """The sender of the signals about a task."""
    backend: Any = task_backends[result.backend]
    sender: type = backend.sender
    return sender


class Attempt:
    """One attempt at a task. Writes what its pod would report into the resource's status, as the operator does."""

    def __init__(
        self,
        resource: Resource,
        *,
        number: int = 1,
        is_last: bool = True,
        changed: Callable[[], None] = lambda: None,
        progressed: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """`is_last`: no other follows when this one fails. `changed` is called after each write of the status;
        `progressed` with each progress that the task reports."""
        self._resource = resource
        self._status: Resource = resource["status"]
        self._number = number
        self._is_last = is_last
        self._changed = changed
        self._progressed = progressed
        self._name: str = resource["metadata"]["name"]
        self._pod = job_name(self._name, number)
        self._before = self._status.get("attempts", [])
        self._running = Running(self._name, resource["spec"].get("queue", "default"), number)

    def run(self) -> None:
        """Runs the task to its end. Its exception is in the status; Ctrl-C is raised."""
        call_fresh(self._run)

    def _run(self) -> None:
        result = decode(self._resource)
        policy = self._resource["spec"].get("policy", {})
        on, never = policy.get("retryOn"), policy.get("neverRetryOn", ())
        self._write(phase=Phase.RUNNING)
        with CtrlC() as ctrl_c, entered(self._running):
            execute(
                result,
                self._pod,
                sender=sender_of(result),
                started=self._started,
                finished=self._finished,
                retried=lambda error: is_retried(error, None if on is None else tuple(on), tuple(never)),
                is_last=self._is_last,
                interrupted=lambda: ctrl_c.pressed,
                tell=self._tell,
                store=self._store,
                # In memory a task has no uid but its name.
                create=lambda returned: returned.create(self._name),
            )

    def _write(self, **changes: Any) -> None:
        if self._resource["status"] is not self._status:
            return  # It has ended otherwise meanwhile: a task that was cancelled stays so.
        self._status = self._resource["status"] = self._status | changes
        self._changed()

    def _store(self, text: str, alive: Callable[[], object]) -> TextRef:
        alias: str = self._resource["spec"]["backend"]
        backend: Any = task_backends[alias]
        return store_result(alias, backend.namespace, self._name, self._number, text, BRIEF_SECONDS)

    def _started(self, at: str) -> None:
        this = {"number": self._number, "job": self._pod, "pod": self._pod, "startedAt": at}
        self._write(startedAt=self._status.get("startedAt", at), attempts=[*self._before, this])

    def _tell(self, report: ProgressReport) -> None:
        said = {"done": report.done, "total": report.total, "message": report.message}
        progress = said | {"attempt": self._number, "updatedAt": to_wire(timezone.now())}
        if (shown := progress_of(progress)) is not None:
            self._progressed(shown)
        self._write(progress=progress)

    def _finished(self, outcome: Outcome) -> None:
        self._running.is_over = True
        this = self._status["attempts"][-1] | {"finishedAt": outcome.finished_at}
        if outcome.error is not None:
            error = {"type": outcome.error.type, "traceback": outcome.error.traceback}
            this |= {"reason": outcome.reason, "message": outcome.error.message, "error": error}
        if outcome.workflow is not None:
            self._write(
                phase=Phase.RUNNING,
                reason=Reason.WORKFLOW_RETURNED,
                attempts=[*self._before, this],
                returnedWorkflow=outcome.workflow,
            )
            return
        again = not outcome.succeeded and outcome.retryable and not self._is_last
        end = {} if again else {"finishedAt": outcome.finished_at}
        phase = Phase.SUCCEEDED if outcome.succeeded else Phase.RETRYING if again else Phase.FAILED
        self._write(
            phase=phase,
            reason=outcome.reason,
            attempts=[*self._before, this],
            **_returned(outcome),
            **end,
        )


def _returned(outcome: Outcome) -> dict[str, Any]:
    """The fields of the status for what was returned; none where that is nothing new."""
    if (items := outcome.items) is not None:
        ref = items.result_ref and items.result_ref.to_data()
        return {"items": items.to_status(), "result": items.result, "resultRef": ref}
    if not outcome.succeeded:
        return {}
    ref = outcome.result_ref and outcome.result_ref.to_data()
    return {"items": None, "result": outcome.result, "resultRef": ref, "resultLength": outcome.length}
