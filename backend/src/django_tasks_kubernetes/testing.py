"""For the tests of projects that use this backend: tasks without a cluster.

    from django_tasks_kubernetes.testing import in_memory

    def test_an_order_sends_a_receipt(mailoutbox):
        with in_memory() as cluster:
            place_order()                 # calls send_receipt.enqueue()
            assert not mailoutbox         # nothing has run yet
            cluster.run_pending()
        assert mailoutbox[0].subject == "Your receipt"

What is enqueued goes through the same validation, limits and codec as with a cluster, and is run by the code that
runs it in a pod. Only the pod itself is missing, and with it retries, timeouts and cancellation.
"""

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.files.storage import InMemoryStorage
from django.tasks import task_backends
from django.tasks.exceptions import TaskResultDoesNotExist
from django.test import override_settings
from django.utils import timezone

from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.codec import Resource, progress_of
from django_tasks_kubernetes.exceptions import WaitTimeout
from django_tasks_kubernetes.reasons import RETRIED
from django_tasks_kubernetes.results import Progress
from django_tasks_kubernetes.runner.execute import execute
from django_tasks_kubernetes.runner.files import store_result
from django_tasks_kubernetes.stored import Files
from django_tasks_kubernetes.task_types import AnyResult
from django_tasks_kubernetes.times import to_wire
from django_tasks_kubernetes.watcher.events import events_of
from django_tasks_kubernetes.watcher.receivers import arguments_of, signal_of
from django_tasks_kubernetes.watching.subscription import Subscription
from djangotasks_api.names import job_name
from djangotasks_api.outcome import Outcome, ProgressReport
from djangotasks_api.phases import INTERRUPTIONS, Phase, Reason
from djangotasks_api.stored import TextRef

NAMESPACE: Final = "in-memory"
# Of OPTIONS: what says how large arguments and results may be.
KEPT: Final = ("STORAGE", "STORAGE_MAX_BYTES", "COMPRESS_PAYLOAD_FROM")


class InMemoryCluster:
    """The DjangoTasks that were enqueued, by name in the order of enqueue(), and a worker for them."""

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self._subscriptions: set[Subscription] = set()
        self._versions = itertools.count(1)
        self._progress: dict[str, list[Progress]] = {}
        self._ends_sent: set[str] = set()
        self.storage = InMemoryStorage()

    def create(self, resource: Resource) -> Resource | None:
        name = resource["metadata"]["name"]
        if name in self.resources:  # by its idempotency key
            return self.get(name)
        # As from the server: a copy, with the defaults of the CRD.
        self.resources[name] = deepcopy(resource) | {"status": {"phase": Phase.QUEUED}}
        self._tell(name)
        return None

    def get(self, name: str) -> Resource:
        try:
            return deepcopy(self.resources[name])
        except KeyError:
            raise TaskResultDoesNotExist(name) from None

    def cancel(self, name: str, reason: str) -> Resource:
        if not (status := self.get(name)["status"])["phase"].is_terminal:
            message = f"Cancelled before it started. Reason given: {reason}"
            at = to_wire(timezone.now())
            status |= {
                "phase": Phase.CANCELLED,
                "reason": Reason.CANCEL_REQUESTED,
                "message": message,
                "finishedAt": at,
            }
            self.resources[name] |= {"status": status}
            self._tell(name)
        return self.get(name)

    def find(self, selector: str) -> Iterator[Resource]:
        terms = [re.fullmatch(r"(\w+)\.(\w+)(!?)=(.*)", term) for term in selector.split(",") if term]
        for resource in deepcopy(list(self.resources.values())):
            if all(term and (resource[term[1]][term[2]] == term[4]) != bool(term[3]) for term in terms):
                yield resource

    def pending(self, name: str) -> bool:
        return False

    def subscribe(self, subscription: Subscription) -> Callable[[], None]:
        """Whoever waits for a task, or watches it, makes it run: there is nobody else who would."""
        self._subscriptions.add(subscription)
        if subscription.name is not None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:
                self._run_for(subscription, subscription.name)
            else:
                run = sync_to_async(self._run_for, thread_sensitive=True)
                self._running = loop.create_task(run(subscription, subscription.name))
        return lambda: self._subscriptions.discard(subscription)

    def _run_for(self, subscription: Subscription, name: str) -> None:
        if name not in self.resources:
            subscription.put_missing(as_of=0)
            return
        self._tell(name)
        self.run_pending()
        if not self.resources[name]["status"]["phase"].is_terminal:
            subscription.fail(
                WaitTimeout(
                    f"Task {name} is not due, and nothing would make it run while it is waited for. Call run_pending() "
                    "with a later time as now, and then wait for it."
                )
            )

    def _tell(self, name: str) -> None:
        resource = self.resources[name]
        for subscription in list(self._subscriptions):
            if name == subscription.name or (subscription.name is None and subscription.wants(resource)):
                subscription.put(name, next(self._versions), deepcopy(resource))

    def names(self) -> Iterator[str]:
        return iter(list(self.resources))

    @property
    def results(self) -> list[AnyResult]:
        """Every task as its TaskResult now, in the order of enqueue()."""
        return [self._decoded(resource) for resource in self.resources.values()]

    def progress(self, result_id: str) -> list[Progress]:
        """All that a task said by `context.progress()`, in its order; a heartbeat repeats the last."""
        return list(self._progress.get(str(result_id), ()))

    def run_pending(self, now: datetime | None = None) -> list[AnyResult]:
        """Runs, in this process, what is due and what that enqueues, until nothing is left. Returns the results.

        As a cluster would start them: the highest priority first, then the oldest; nothing before its run_after.
        `now`: the time that run_after is compared with. Default: the current time, so that what is deferred waits.
        A task's exception is in its result, not raised.
        """
        done = []
        while (resource := self._next(now or timezone.now())) is not None:
            done.append(self._run(resource))
        return done

    def fail(self, result_id: str, reason: str, message: str = "") -> AnyResult:
        """Ends a task that has not ended, in a way of which no pod tells: `reason` is a word such as "OOMKilled"."""
        name = str(result_id)
        at, pod = to_wire(timezone.now()), job_name(name, 1)
        status = self.get(name)["status"]
        if status["phase"].is_terminal:
            raise ValueError(f"Task {name} has ended already: {status['phase']}.")
        end = {"reason": Reason(reason), "message": message, "finishedAt": at}
        if reason in (*RETRIED, *INTERRUPTIONS):
            status["attempts"] = [{"number": 1, "job": pod, "pod": pod, "startedAt": at} | end]
        self.resources[name]["status"] = status | end | {"phase": Phase.FAILED}
        self._tell(name)
        return self._decoded(self.resources[name])

    def send_ends(self) -> None:
        """Sends task_ended and task_attempt_failed of what has ended since the last time, as `manage.py watch_tasks`
        does. What a receiver raises is raised."""
        for name, resource in list(self.resources.items()):
            known = resource | {"metadata": resource["metadata"] | {"uid": name}}
            for event in events_of(known):
                if event.key not in self._ends_sent:
                    self._ends_sent.add(event.key)
                    signal_of(event).send(InMemoryBackend, task_result=self._decoded(resource), **arguments_of(event))

    def _next(self, now: datetime) -> Resource | None:
        due = [
            resource
            for resource in self.resources.values()
            if resource["status"]["phase"] == Phase.QUEUED and resource["spec"].get("runAfter", "") <= to_wire(now)
        ]
        return max(due, key=lambda resource: resource["spec"]["priority"], default=None)

    def _run(self, resource: Resource) -> AnyResult:
        alias, status = resource["spec"]["backend"], resource["status"]
        name = resource["metadata"]["name"]
        pod = job_name(name, 1)
        status["phase"] = Phase.RUNNING

        def store(text: str) -> TextRef:
            return store_result(alias, NAMESPACE, name, 1, text)

        def started(at: str) -> None:
            status["startedAt"] = at
            status["attempts"] = [{"number": 1, "job": pod, "pod": pod, "startedAt": at}]
            self._tell(name)

        def tell(report: ProgressReport) -> None:
            said = {"done": report.done, "total": report.total, "message": report.message}
            status["progress"] = said | {"attempt": 1, "updatedAt": to_wire(timezone.now())}
            if (progress := progress_of(status["progress"])) is not None:
                self._progress.setdefault(name, []).append(progress)
            self._tell(name)

        def finished(outcome: Outcome) -> None:
            status["phase"] = Phase.SUCCEEDED if outcome.succeeded else Phase.FAILED
            status["finishedAt"] = status["attempts"][0]["finishedAt"] = outcome.finished_at
            status["result"] = outcome.result
            status["resultRef"] = outcome.result_ref and outcome.result_ref.to_data()
            if outcome.error is not None:
                error = {"type": outcome.error.type, "traceback": outcome.error.traceback}
                status["reason"] = outcome.reason
                status["attempts"][0] |= {"reason": outcome.reason, "error": error}
            self._tell(name)

        result = self._decoded(resource)
        execute(result, pod, sender=InMemoryBackend, started=started, finished=finished, tell=tell, store=store)
        return self._decoded(resource)

    def _decoded(self, resource: Resource) -> AnyResult:
        backend: Any = task_backends[resource["spec"]["backend"]]
        result: AnyResult = backend.decoded(deepcopy(resource))
        return result


class InMemoryBackend(KubernetesBackend):
    """KubernetesBackend with an InMemoryCluster, OPTIONS["CLUSTER"], in place of the API server. See in_memory()."""

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        options = dict(params.get("OPTIONS", {}))
        self._cluster: InMemoryCluster = options.pop("CLUSTER")
        super().__init__(alias, params | {"OPTIONS": options})

    @property
    def store(self) -> InMemoryCluster:
        return self._cluster

    @property
    def namespace(self) -> str:
        return NAMESPACE

    @cached_property
    def files(self) -> Files:
        return replace(super().files, find=lambda alias: self._cluster.storage)


def _kept(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in KEPT}


@contextmanager
def in_memory() -> Iterator[InMemoryCluster]:
    """Makes every backend in TASKS keep its tasks in memory, in the cluster that it gives.

    QUEUES stay as they are, and so do the limits; what would go to OPTIONS["STORAGE"] is kept in memory too. Works as
    a pytest fixture as well: `@pytest.fixture` over a function that yields from it.
    """
    cluster = InMemoryCluster()
    backend = f"{InMemoryBackend.__module__}.{InMemoryBackend.__qualname__}"
    tasks = {
        alias: params | {"BACKEND": backend, "OPTIONS": _kept(params.get("OPTIONS", {})) | {"CLUSTER": cluster}}
        for alias, params in settings.TASKS.items()
    }
    with override_settings(TASKS=tasks):
        yield cluster
