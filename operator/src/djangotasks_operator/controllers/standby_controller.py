"""Keep the standby pods of each queue: as many as its tasks need, made of what its pods are made of now.

They are there for tasks, and yield to them: none is made while tasks of their queue are on their way to a pod of their
own, and all that wait go when a pod or a quota of their namespace finds no room.
"""

import re
import secrets
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS
from djangotasks_api.models import DjangoTaskQueue, Standby, StandbyStatus, TaskSpec
from djangotasks_api.names import DNS_LABEL_PATTERN
from djangotasks_api.phases import Reason
from djangotasks_api.standby import StandbyAccess
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.waiting_standbys import HELD_MAX, HELD_OF_NAMESPACE, WaitingStandbys
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.controllers.admission import STARTING_LIMIT, Admission
from djangotasks_operator.controllers.assignments import ReportAccess
from djangotasks_operator.controllers.pod_templates import PodTemplates
from djangotasks_operator.controllers.standby_pools import STUCK, UNLABELLED, QueuePool, StandbyPools
from djangotasks_operator.controllers.standby_room import StandbyRoom
from djangotasks_operator.controllers.start_results import Blocked, refusal_of
from djangotasks_operator.controllers.work_queues import WorkQueues
from djangotasks_operator.pods.overrides import apply
from djangotasks_operator.pods.room import devices
from djangotasks_operator.pods.standby import (
    StandbyPod,
    parse_standby,
    standby_name,
    standby_pod,
    template_hash,
    why_ended,
    why_none_may_wait,
)
from djangotasks_operator.pods.template import PodTemplate
from djangotasks_operator.pods.tokens import sign_standby
from djangotasks_operator.runtime.controller import Result
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import PODS
from djangotasks_operator.scheduling.limits import quota_of, resolve
from djangotasks_operator.scheduling.standby_pool import Member, plan, target
from djangotasks_operator.status.queue_status import StandbyState

STANDBY_QUEUES_IN_FLIGHT = 4
# How often a pool is compared with what it should be, also where nothing has changed: nothing says when a Deployment
# changes, or a rate falls.
CHECK_SECONDS = 5.0
# Tasks of all queues that are on their way to a pod, when the operator's own writes are what they wait for.
BUSY_STARTS = STARTING_LIMIT // 2
# Tasks that are looked through for those that are on their way to a pod.
BUSY_TASKS_MAX = 200
# The condition of a queue when others have all standby pods that there may be.
SHARES = f"{HELD_OF_NAMESPACE} standby pods of a namespace, and {HELD_MAX} in all"
FULL = "TooMany", f"The operator keeps {SHARES}: lower the max of queues."
# Of a name: as many pods as there may be have names of their own.
SUFFIX_BYTES = 5


class Wanted(NamedTuple):
    """How many pods a queue is to have; and where it is to have none, why."""

    pods: int
    why_none: tuple[str, str] | None = None


class StandbyController:
    def __init__(
        self,
        writer: TaskWriter,
        templates: PodTemplates,
        waiting: WaitingStandbys,
        pools: StandbyPools,
        access: ReportAccess,
        admission: Admission,
        work: WorkQueues,
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._store = writer.store
        self._templates = templates
        self._waiting = waiting
        self._pools = pools
        self._access = access
        self._admission = admission
        self._work = work
        self._now = now
        self._room = StandbyRoom(writer.store, pools.clock)

    def initialize(self) -> None:
        """Reconcile the pods of all queues once."""
        for queue in self._store.queues():
            self._work.standbys.add(Key.of(queue.metadata))

    def give_way(self, namespace: str, lacks: Collection[str]) -> None:
        """A pod or a quota of the namespace finds no room: standby pods are not to take it. `lacks`: see `room`."""
        self._room.is_missing(namespace, lacks)
        for pod in self._store.standbys.of_namespace(namespace):
            self._work.standbys.add(Key(namespace, pod.queue))

    def state(self, key: Key) -> StandbyState | None:
        """What the queue's status says of its standby pods. None where it has none."""
        queue = self._store.queue(key)
        if queue is None or queue.spec.standby is None:
            return None
        there = [pod for pod in self._store.standbys.of_queue(key) if not (pod.deleting or pod.ended)]
        ready = sum(self._waiting.is_ready(Key(pod.namespace, pod.name)) for pod in there)
        return StandbyState(StandbyStatus(ready=ready, starting=len(there) - ready), self._pools.of(key).problem)

    async def reconcile(self, key: Key) -> Result:
        """Delete pods that no task is to claim, and make those that are missing."""
        queue = self._store.queue(key)
        if queue is None:
            # Those that are left go with the queue.
            self._pools.forget(key)
            return Result.DONE
        pods = [pod for pod in self._store.standbys.of_queue(key) if not pod.deleting]
        if queue.spec.standby is None and not pods:
            self._pools.forget(key)
            return Result.DONE
        self._work.queue_tasks_changed(key)
        self._work.standbys.add_after(key, CHECK_SECONDS)
        own = self._pools.of(key)
        own.lost({pod.name for pod in self._store.standbys.of_queue(key)}, self._pools.clock())
        for pod in [pod for pod in pods if pod.ended]:
            await self._bury(pod, own, why_ended(pod))
        for pod in self._stuck(queue, pods, own):
            await self._bury(pod, own, STUCK)
        if (why := self._why_none(key, queue)) is not None:
            await self._delete([pod for pod in pods if not pod.ended], own)
            own.problem = why
            return Result.DONE
        template = await self._templates.of(queue)
        if isinstance(template, Blocked):
            own.problem = template.reason, template.message
            return Result.DONE
        _apply_policy(queue, template)
        await self._fit(key, queue, template, self._wanted(key, queue, template, own), own)
        return Result.DONE

    def _why_none(self, key: Key, queue: DjangoTaskQueue) -> tuple[str, str] | None:
        """Why the queue is to have none, whatever they would be made of. None where it may have some."""
        if queue.spec.standby is None or queue.metadata.deletion_timestamp is not None:
            return "Removed", "The queue is to have no standby pods, or is being deleted."
        if len(key.name) > DNS_LABEL_MAX_CHARS or not re.fullmatch(DNS_LABEL_PATTERN, key.name):
            return Reason.INVALID_TEMPLATE, "No task can name this queue: see its condition Ready."
        quota = quota_of(queue, self._store.holds.of(key, self._now()))
        if quota.suspended or quota.concurrency == 0:
            return "Suspended", "No task of the queue is started."
        return None

    def _wanted(self, key: Key, queue: DjangoTaskQueue, template: PodTemplate, own: QueuePool) -> Wanted:
        spec, quota = _standby(queue), quota_of(queue, self._store.holds.of(key, self._now()))
        if (why := why_none_may_wait(template)) is not None:
            return Wanted(0, ("NotAllowed", why))
        if self._room.is_short(key.namespace, devices(template.manifest["spec"])):
            return Wanted(0, ("NoRoom", "A pod or a quota of the namespace has no room: standby pods are made later."))
        rate = own.pool.arrivals.rate(self._pools.clock())
        most = spec.max if quota.concurrency is None else min(spec.max, max(quota.concurrency, spec.min))
        return Wanted(target(rate, own.pool.refill, spec.min, most))

    async def _delete(self, pods: Iterable[StandbyPod], own: QueuePool) -> None:
        for pod in pods:
            if await self._writer.delete_standby(pod):
                own.created_at.pop(pod.name, None)

    async def _fit(
        self, key: Key, queue: DjangoTaskQueue, template: PodTemplate, wanted: Wanted, own: QueuePool
    ) -> None:
        hash_, now = template_hash(queue, template, self._access.url), self._now()
        own.making(hash_)
        pods = {pod.name: pod for pod in self._store.standbys.of_queue(key) if not (pod.deleting or pod.ended)}
        members = [
            Member(
                pod.name,
                (now - pod.created_at).total_seconds(),
                (pod.hash, pod.queue_uid) == (hash_, queue.metadata.uid),
                self._waiting.is_ready(Key(pod.namespace, pod.name)),
            )
            for pod in pods.values()
        ]
        clock, spec = self._pools.clock(), _standby(queue)
        surplus = sum(member.fresh for member in members) - wanted.pods
        may_shrink = own.pool.may_shrink(surplus, spec.idle_seconds, clock)
        todo = plan(members, wanted.pods, spec.max_age_seconds, most=spec.max, may_shrink=may_shrink)
        doomed = list(pods) if wanted.why_none is not None else todo.delete
        await self._delete([pods[name] for name in doomed], own)
        if todo.shrinks:
            own.pool.shrunk(clock)
        if wanted.why_none is not None:
            own.problem = wanted.why_none
            return
        self._note_problem(own, [pods[member.name] for member in members], todo.create)
        if not todo.create and own.has_yielded and not self._is_busy(key):
            own.yields(busy=False, now=clock)
        for _ in range(todo.create):
            if not await self._make(key, queue, template, hash_, own):
                break

    async def _make(self, key: Key, queue: DjangoTaskQueue, template: PodTemplate, hash_: str, own: QueuePool) -> bool:
        """Create one more, unless it is not the time for it."""
        now = self._pools.clock()
        if self._store.standbys.is_full(key.namespace):
            own.problem = FULL
            return False
        delay = own.pool.delay(now) or own.yields(busy=self._is_busy(key), now=now) or own.pace.reserve()
        if delay:
            self._work.standbys.add_after(key, delay)
            return False
        name = standby_name(key.name, secrets.token_hex(SUFFIX_BYTES))
        metadata, spec = queue.metadata, _standby(queue)
        preload = tuple(spec.preload) or own.modules
        access = StandbyAccess(
            url=self._access.url, namespace=key.namespace, pod=name, queue_uid=metadata.uid, preload=preload
        )
        token = sign_standby(self._access.key, key.namespace, name, metadata.uid)
        own.created_at[name] = now
        try:
            body = await self._writer.api.create(
                PODS, key.namespace, standby_pod(queue, template, hash_, access, token)
            )
        except Exception as error:
            del own.created_at[name]
            if not isinstance(error, ApiError) or (refusal := refusal_of(error)) is None:
                raise
            own.problem = refusal.reason, refusal.message
            own.pool.failed(now)
            self._work.standbys.add_after(key, own.pool.delay(now))
            return False
        if (pod := parse_standby(body)) is None:
            # No watch delivers it: it would stay, and others would be made in its place for ever.
            del own.created_at[name]
            own.failed(UNLABELLED, now)
            self._work.standbys.add_after(key, own.pool.delay(now))
            await self._writer.api.delete(PODS, key.namespace, name, body["metadata"]["uid"])
            return False
        self._store.standbys.put(pod)
        return True

    def _is_busy(self, key: Key) -> bool:
        """Whether tasks of the queue are on their way to a pod of their own: a standby pod that is being started helps
        none of them."""
        if self._admission.starting >= BUSY_STARTS:
            return True
        for task in islice(self._store.unfinished(key), BUSY_TASKS_MAX):
            snapshot = self._store.snapshot(task)
            pod = None if snapshot is None else snapshot.pods.get(snapshot.number)
            if pod is not None and not (pod.standby or pod.running_since or pod.ended or pod.unschedulable):
                return True
        return False

    def _stuck(self, queue: DjangoTaskQueue, pods: Iterable[StandbyPod], own: QueuePool) -> list[StandbyPod]:
        """Those that run and do not come to wait. Nothing else would ever end them."""
        quiet = {
            pod.name: pod
            for pod in pods
            if pod.running and not (pod.ended or self._waiting.is_ready(Key(pod.namespace, pod.name)))
        }
        seconds = resolve(None, queue).start_timeout.total_seconds()
        return [quiet[name] for name in own.stuck(quiet, seconds, self._pools.clock())]

    async def _bury(self, pod: StandbyPod, own: QueuePool, why: tuple[str, str]) -> None:
        """Delete a pod that has ended without a task, or gets to none. The next one is made later each time."""
        if not await self._writer.delete_standby(pod):
            return
        own.created_at.pop(pod.name, None)
        own.failed(why, self._pools.clock())

    def _note_problem(self, own: QueuePool, pods: list[StandbyPod], missing: int) -> None:
        """What keeps the pods from starting that there are. What was wrong before stays until they wait."""
        now, waits = self._pools.clock(), [self._waiting.is_ready(Key(pod.namespace, pod.name)) for pod in pods]
        own.silent(now, only=any(pod.running for pod in pods) and not any(waits))
        if (problem := next((pod.problem for pod in pods if pod.problem), None)) is not None:
            own.problem = "Failing", problem
        elif own.problem is not None:
            all_wait = pods and not missing and all(waits) and not own.pool.delay(now)
            if all_wait or (own.problem[0] in PASSING and (pods or not missing)):
                own.problem = None


# Reasons that are over when there are pods again.
PASSING = frozenset({"Removed", "Suspended", FULL[0], "NotAllowed", "NoRoom", Reason.INVALID_TEMPLATE})


def _standby(queue: DjangoTaskQueue) -> Standby:
    """The queue's standby, where it has one."""
    assert queue.spec.standby is not None  # noqa: S101 - the others were sorted out
    return queue.spec.standby


def _apply_policy(queue: DjangoTaskQueue, template: PodTemplate) -> None:
    """Apply the queue's policy, as to a task that asks for nothing. Change the template in place."""
    apply(TaskSpec(task="a.b", queue=queue.metadata.name), queue, resolve(None, queue), *template[:2])
