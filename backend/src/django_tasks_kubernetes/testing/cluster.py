"""A stand-in for the cluster, in memory: the store of DjangoTasks, and a worker for them."""

import threading
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from django.tasks import task_backends
from django.utils import timezone

from django_tasks_kubernetes.codec.reasons import RETRYABLE_REASONS
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.exceptions import PermissionDenied, WaitTimeout
from django_tasks_kubernetes.local.attempt import Attempt, decode
from django_tasks_kubernetes.local.ends import new_ends
from django_tasks_kubernetes.local.memory_workflows import MemoryWorkflows
from django_tasks_kubernetes.local.running import Running
from django_tasks_kubernetes.notify.dispatch import signal_of
from django_tasks_kubernetes.notify.ends import End
from django_tasks_kubernetes.result import KubernetesResult, Progress
from django_tasks_kubernetes.testing.clock import Clock
from django_tasks_kubernetes.testing.guarded_store import Access, GuardedStore
from django_tasks_kubernetes.testing.line import Line, queue_of
from django_tasks_kubernetes.testing.schedules import VirtualTime
from django_tasks_kubernetes.watch.subscription import Subscription
from djangotasks_api import refusals
from djangotasks_api.names import job_name
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason

if TYPE_CHECKING:
    from django_tasks_kubernetes.workflows.result import WorkflowResult


# Tasks that enqueue one another would run for ever. More than a test has use for.
ENQUEUED_BY_TASKS_MAX: Final = 20_000


class InMemoryCluster(GuardedStore):
    """The DjangoTasks that were enqueued, by name in the order of enqueue(), and a worker for them."""

    word: ClassVar[str] = "Task"

    def __init__(self, now: datetime | None = None) -> None:
        """`now`: when the time of the schedules begins. Default: the current time."""
        super().__init__()
        self.task_access: Access = "Own"
        """What tasks may do with others, as a queue's taskAccess says it."""
        self.returned_workflows: Literal["Refused", "Allowed"] = "Allowed"
        """Whether tasks may return workflows, as a queue's returnedWorkflows says it, which is Refused by default."""
        self.held: set[str] = set()
        """The queues of which nothing is started, as if somebody held them. What expires meanwhile fails."""
        self._clock = Clock()
        self._time = VirtualTime(self, self._clock, now)
        self._line = Line(self.resources)
        self._threads: dict[str, int] = {}
        """Which thread runs, or has run, a task."""
        self._progress: dict[str, list[Progress]] = {}
        self._ends_sent: set[str] = set()

    @property
    def access(self) -> Access:
        return self.task_access

    @cached_property
    def workflows(self) -> "InMemoryWorkflows":
        return InMemoryWorkflows(self)

    def create(self, resource: Resource) -> Resource | None:
        if (known := super().create(resource)) is None:
            self._clock.enqueued(resource)
            self._threads.pop(resource["metadata"]["name"], None)  # of one that was deleted
        return known

    def _run_for(self, subscription: Subscription, name: str) -> None:
        self.run_pending()
        resource = self.resources.get(name)  # which its workflow removes with its end, where it is not to be kept
        if resource is None or resource["status"]["phase"].is_terminal:
            return
        # Another thread may run it, such as that of a server: it will say what becomes of it.
        if self._threads.get(name, threading.get_ident()) == threading.get_ident():
            why, remedy = "is not due", "Call run_pending() with a later time as now, and then wait for it."
            if (queue := queue_of(resource)) in self.held:
                why, remedy = f"is in the queue {queue!r}, which is held", "Take it out of cluster.held before."
            subscription.fail(
                WaitTimeout(f"Task {name} {why}, and nothing would make it run while it is waited for. {remedy}")
            )

    @property
    def results(self) -> list[KubernetesResult]:
        """Every task as its TaskResult now, in the order of enqueue()."""
        return [decode(resource) for resource in self.resources.values()]

    @property
    def workflow_results(self) -> "list[WorkflowResult[Any]]":
        """Every workflow as its result now, in the order of enqueue()."""
        backends: Any = task_backends
        found = list(self.workflows.resources.values())
        return [backends[one["spec"]["backend"]].get_workflow(one["metadata"]["name"]) for one in found]

    def progress(self, result_id: str) -> list[Progress]:
        """All that a task said by `context.progress()`, in its order; a heartbeat repeats the last."""
        return list(self._progress.get(str(result_id), ()))

    def run_pending(self, now: datetime | None = None) -> list[KubernetesResult]:
        """Runs, in this process, what is due and what that enqueues, until nothing is left. Returns the results.

        As a cluster would start them: the highest priority first, then the oldest; nothing before its run_after, and
        nothing of a queue that is `held`. What has expired fails.
        `now`: the time that run_after and expires are compared with. Default: the current time, so that what is
        deferred waits; for a task of a schedule, the time of the schedules. What tasks defer meanwhile waits too.
        A task's exception is in its result, not raised. Ctrl-C is raised, and ends the tests. In async code, await
        `sync_to_async(cluster.run_pending)()`: async tasks cannot run within the event loop that waits for them.

        Raises RecursionError where tasks enqueue one another without an end.
        """
        with self._clock.at(now):
            return self._run_all()

    def tick(self, until: datetime | timedelta, *, run: bool = True) -> list[KubernetesResult]:
        """Lets the time of the schedules pass, until then or for so long, and enqueues their tasks and workflows as the
        operator does: by their zones, concurrency policies and all else that they say. Returns the results of
        these tasks; workflow_results has the workflows.

        It begins with in_memory(), and does not change what `timezone.now()` is: a `run_after` that a task counts from
        that is as long after the time of the schedules. `run`: what is enqueued or deferred runs at its time, in
        between; otherwise it stays, as tasks that take long.

        Raises TypeError or ValueError for a time that is none or has passed, ValueError where two schedules have one
        name, and what importing a module of tasks raises.
        """
        created = self._time.pass_until(until, self._run_at if run else None)
        return [decode(self.resources[name]) for name in created if name in self.resources]

    @property
    def now(self) -> datetime:
        """The time of the schedules."""
        return self._time.now

    def suspend(self, schedule: str) -> None:
        """Suspends a schedule, by its name. Raises ScheduleDoesNotExist."""
        self._time.suspend(schedule, True)

    def resume(self, schedule: str) -> None:
        """See suspend()."""
        self._time.suspend(schedule, False)

    def fail(self, result_id: str, reason: str, message: str = "") -> KubernetesResult:
        """Ends a task that has not ended, in a way of which no pod tells: `reason` is a word such as "OOMKilled".

        A task of a workflow need not be there yet, such as f"{result.id}-render-00017": what comes before it runs now.
        """
        name = str(result_id)
        self._run_until_there(name)
        at, pod = to_wire(timezone.now()), job_name(name, 1)
        status = super().get(name)["status"]
        if status["phase"].is_terminal:
            raise ValueError(f"Task {name} has ended already: {status['phase']}.")
        end = {"reason": Reason(reason), "message": message, "finishedAt": at}
        if reason in (*RETRYABLE_REASONS, *INTERRUPTIONS):
            status["attempts"] = [{"number": 1, "job": pod, "pod": pod, "startedAt": at} | end]
        self.resources[name]["status"] = status | end | {"phase": Phase.FAILED}
        self.changed(name)
        return decode(self.resources[name])

    def send_ends(self) -> None:
        """Sends task_ended, task_attempt_failed and workflow_ended of what has ended since the last time, as
        `manage.py watch_tasks` does. What a receiver raises is raised."""

        def is_new(end: End) -> bool:
            return end.key not in self._ends_sent

        for resource in [*self.resources.values(), *self.workflows.resources.values()]:
            for end, sender, arguments in new_ends(resource, is_new):
                self._ends_sent.add(end.key)
                signal_of(end).send(sender, **arguments)

    def _run_until_there(self, name: str) -> None:
        """Runs what is due until there is a task of that name, where a workflow may create one."""
        self.workflows.advance()
        while name not in self.resources and any(name.startswith(f"{one}-") for one in self.workflows.unfinished):
            if (resource := self._next()) is None:
                break
            self._run(resource)
            self.workflows.advance()

    def _run_at(self, now: datetime) -> list[KubernetesResult]:
        with self._clock.at(now, ticks=True):
            return self._run_all()

    def _run_all(self) -> list[KubernetesResult]:
        done, number = [], 0
        self.workflows.advance()
        while (resource := self._next()) is not None:
            done.append(self._run(resource))
            self.workflows.advance()
            number += resource["spec"].get("enqueuedBy") is not None
            if number > ENQUEUED_BY_TASKS_MAX:
                raise RecursionError(
                    f"{number:,} tasks that tasks have enqueued have run, {resource['spec']['task']} last, and more "
                    "wait: does one enqueue itself without an end? What it defers by run_after waits."
                )
        return done

    def _next(self) -> Resource | None:
        with self._lock:  # so that of two threads one runs it
            first = self._line.first(self._threads.__contains__, self._can_end, self.held)
            if first is not None:
                self._threads[first["metadata"]["name"]] = threading.get_ident()
        return first

    def _can_end(self, resource: Resource) -> bool:
        may_start = queue_of(resource) not in self.held and self._clock.is_due(resource)
        return may_start or self._has_expired(resource)

    def _has_expired(self, resource: Resource) -> bool:
        return self._clock.has_expired(resource, of_schedules=self.now)

    def _run(self, resource: Resource) -> KubernetesResult:
        """Runs it, unless it has expired."""
        name = resource["metadata"]["name"]
        if self._has_expired(resource):
            self.expire(name)
            return decode(resource)
        progress = self._progress.setdefault(name, [])
        Attempt(resource, changed=partial(self.changed, name), progressed=progress.append).run()
        return decode(resource)


class InMemoryWorkflows(GuardedStore, MemoryWorkflows):
    """The workflows that were enqueued, by name in the order of enqueue()."""

    word: ClassVar[str] = "Workflow"

    def __init__(self, tasks: InMemoryCluster) -> None:
        super().__init__(tasks)
        self._cluster = tasks

    @property
    def access(self) -> Access:
        return self._cluster.task_access

    def check_returned(self, task: Running) -> None:
        if self._cluster.returned_workflows != "Allowed":
            raise PermissionDenied(refusals.not_returnable(task.queue))

    def _run_for(self, subscription: Subscription, name: str) -> None:
        if name in self.unfinished:
            self._cluster.run_pending()
        if name in self.unfinished:
            subscription.fail(WaitTimeout(f"Workflow {name} waits for a task that is not due, or whose queue is held."))
