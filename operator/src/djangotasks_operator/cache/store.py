"""The cache: the last seen state of every task, its Jobs and its Pods, and of every queue.

Filled by watch events, by the answers to our own writes, and by lists; of two versions the newer one stays.
"""

from collections.abc import Mapping
from datetime import datetime

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.entries import Entries
from djangotasks_operator.cache.entry import Entry
from djangotasks_operator.cache.holds import Holds
from djangotasks_operator.cache.keys import Key, queue_of
from djangotasks_operator.cache.parsing import without_results
from djangotasks_operator.cache.queue_index import HistoryLimits, QueueIndex, history_limits
from djangotasks_operator.cache.queue_limit import QueueLimit
from djangotasks_operator.cache.queues import Queues
from djangotasks_operator.cache.report_intake import ReportIntake
from djangotasks_operator.cache.schedules import Schedules
from djangotasks_operator.cache.standby_pods import StandbyPods, is_outdone
from djangotasks_operator.cache.subscriber import Subscriber
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.cache.workflow_index import WorkflowIndex
from djangotasks_operator.decide.snapshot import Snapshot
from djangotasks_operator.pods.events import PodEvents
from djangotasks_operator.pods.views import Job, Pod
from djangotasks_operator.runtime.versions import newer
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from djangotasks_operator.status.attempts import current_number
from djangotasks_operator.workflows.views import Workflow


class Store:
    """The objects by key. In memory, and not thread-safe: one event loop uses it."""

    def __init__(
        self,
        subscriber: Subscriber | None = None,
        monitor: WatchMonitor | None = None,
        intake: ReportIntake | None = None,
    ) -> None:
        """`monitor`: gets every version that is seen, since the watches must deliver it as well."""
        self._subscriber = subscriber or Subscriber()
        self._monitor = monitor or WatchMonitor()
        self._intake = intake or ReportIntake()
        self._deleted = Tombstones()
        self._entries = Entries(self._monitor, self._deleted, self._subscriber.task_changed)
        self._queues = Queues(self._monitor, self._deleted, self._queue_changed, self._subscriber.queue_changed)
        self.schedules = Schedules(self._subscriber.schedule_changed, self._monitor, self._deleted)
        self.standbys = StandbyPods(self._subscriber.standby_changed)
        self.holds = Holds(self._subscriber.hold_changed, self._monitor, self._deleted)
        self.workflows = WorkflowIndex(
            self._monitor,
            self._deleted,
            self._subscriber.workflow_changed,
            self._subscriber.task_changed,
            self._history_limits,
            self.schedules,
        )
        self._index: QueueIndex[Key, Key] = QueueIndex(self._history_limits)

    def __len__(self) -> int:
        return len(self._entries)

    def task(self, key: Key) -> DjangoTask | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.task

    def uid_of(self, key: Key) -> str | None:
        """The uid of the task that is cached."""
        task = self.task(key)
        return None if task is None else task.metadata.uid

    def job(self, key: Key, attempt: int) -> Job | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.jobs.get(attempt)

    def pod(self, key: Key, attempt: int) -> Pod | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.pods.get(attempt)

    def queue(self, key: Key) -> DjangoTaskQueue | None:
        return self._queues.get(key)

    def queues(self) -> list[DjangoTaskQueue]:
        return self._queues.all()

    @property
    def queue_limit(self) -> QueueLimit:
        return self._queues.limit

    def all_keys(self) -> list[Key]:
        """The keys of all tasks, also of those of which only Jobs or Pods are left."""
        return list(self._entries)

    def tasks(self) -> list[DjangoTask]:
        return [entry.task for entry in self._entries.values() if entry.task is not None]

    def jobs(self) -> list[Job]:
        return self._entries.jobs()

    def pods(self) -> list[Pod]:
        return self._entries.pods()

    def unfinished(self, queue: Key) -> Mapping[Key, datetime]:
        """The unfinished tasks of a queue, and when the next attempt of each may start."""
        return self._index.unfinished(queue)

    def snapshot(self, key: Key, *, admitted: bool = False) -> Snapshot | None:
        """All that is known of the task, for `decide`; None where there is no such task."""
        entry = self._entries.get(key)
        if entry is None or entry.task is None:
            return None
        task, uid = entry.task, entry.task.metadata.uid
        pods = {n: pod for n, pod in entry.pods.items() if pod.task_uid == uid}
        current = pods.get(current_number(task.status))
        events, returned = entry.events, self.workflows.returned_by(task)
        return Snapshot(
            task=task,
            queue=self._queues.get(queue_of(task)),
            deleted_queue=self._queues.remembered(queue_of(task)),
            queues_full=self.queue_limit.is_full(key.namespace),
            jobs={n: job for n, job in entry.jobs.items() if job.task_uid == uid},
            pods=pods,
            lost=frozenset(entry.lost | entry.unseen),
            admitted=admitted,
            invalid=entry.invalid,
            surplus=self._index.is_surplus(key, queue_of(task), task.status.phase),
            held=task.status.phase.is_terminal and self._is_held(task, returned),
            pod_events=events if events and current is not None and events.pod_uid == current.uid else None,
            reports_accepted_since=self._intake.accepted_since(key.namespace),
            report_keys=self._intake.keys,
            report_url=self._intake.url,
            workflow=self.workflows.of(task),
            returned=returned,
            needless=self.workflows.is_released(task),
        )

    def _is_held(self, task: DjangoTask, returned: Workflow | None) -> bool:
        """Whether a finished task may not be deleted yet. `returned`: the workflow that goes with it."""
        if returned is not None and self.is_retried(returned):
            return True
        return self.schedules.holds(task.metadata, task.spec.schedule, task.spec.scheduled_for)

    def is_retried(self, workflow: Workflow) -> bool:
        """Whether another one retries the workflow, or one that a task of it has returned, which goes with it."""
        if not self.workflows.retries:
            return False
        tasks = (self.task(key) for key in self.workflows.keys(workflow.id))
        returned = (None if task is None else self.workflows.returned_by(task) for task in tasks)
        return self.workflows.retries.holds(workflow.id) or any(one and self.is_retried(one) for one in returned)

    def outliving(self, key: Key) -> Pod | None:
        """A Pod that runs, and whose task was deleted; another one may have its name."""
        if (entry := self._entries.get(key)) is None:
            return None
        uid = None if entry.task is None else entry.task.metadata.uid
        return next((pod for pod in entry.pods.values() if pod.task_uid != uid and not pod.ended), None)

    def is_invalid(self, key: Key) -> bool:
        """Whether something of the task cannot be read."""
        entry = self._entries.get(key)
        return entry is not None and entry.invalid is not None

    def put_task(self, task: DjangoTask, invalid: str | None = None) -> None:
        """Keep the task, unless a later version is cached, or it was deleted. `invalid`: what is wrong with its
        spec."""
        if task.metadata.uid in self._deleted:
            return
        key = Key.of(task.metadata)
        entry = self._entries.setdefault(key, Entry())
        known = entry.task
        replaced = known is not None and known.metadata.uid != task.metadata.uid
        if replaced:
            entry.lost.clear()
            entry.unseen.clear()
        if known is not None and not newer(task.metadata.resource_version, known.metadata.resource_version):
            return
        if known is not None and replaced:
            self._index.drop(key, queue_of(known))
            self.schedules.drop_task(known)
        entry.task, entry.invalid = without_results(task), invalid
        if task.status.phase is Phase.RUNNING or task.status.phase.is_terminal:
            entry.events = None
        self._monitor.expect(TASK_PLURAL, key.namespace, task.metadata.uid, task.metadata.resource_version)
        self._subscriber.task_changed(key)
        self.workflows.put_task(entry.task)
        self.schedules.put_task(entry.task)
        for surplus in self._index.put(key, queue_of(task), entry.task):
            self._subscriber.task_changed(surplus)

    def drop_task(self, task: DjangoTask) -> None:
        """Forget a task that is gone, unless another one of its name is cached."""
        key = Key.of(task.metadata)
        self._monitor.forget(TASK_PLURAL, key.namespace, task.metadata.uid)
        self._deleted.add(task.metadata.uid)
        entry = self._entries.get(key)
        if entry is None or entry.task is None or entry.task.metadata.uid != task.metadata.uid:
            return
        entry.task = None
        entry.lost.clear()
        entry.unseen.clear()
        self._index.drop(key, queue_of(task))
        self.workflows.drop_task(task)
        self.schedules.drop_task(task)
        self._entries.drop_if_empty(key)
        self._subscriber.task_changed(key)
        self._subscriber.task_dropped(queue_of(task))

    def put_job(self, job: Job) -> None:
        """Keep the Job, unless a later version is cached, or it was deleted."""
        self._entries.put_job(job)

    def leave_job(self, job: Job) -> None:
        """Take this version of the Job for a finished one: nothing can finish it."""
        self._entries.leave_job(job)

    def put_pod(self, pod: Pod) -> None:
        """Keep the Pod, unless a later version is cached, or it was deleted."""
        key = Key(pod.namespace, pod.task)
        outdone = is_outdone(pod, self.pod(key, pod.attempt), self.job(key, pod.attempt))
        if not outdone and self._entries.put_pod(pod):
            self.standbys.claimed(pod)

    def drop_job(self, job: Job) -> None:
        """Forget a Job that left the watch."""
        self._entries.drop_job(job)

    def drop_pod(self, pod: Pod) -> None:
        """Forget a Pod that left the watch."""
        self._entries.drop_pod(pod)
        self.standbys.released(pod)

    def put_events(self, key: Key, events: PodEvents) -> None:
        """Keep what the Events of the task's pod say."""
        if (entry := self._entries.get(key)) is not None:
            entry.events = events
            self._subscriber.task_changed(key)

    def needs_read(self, key: Key, attempt: int) -> bool:
        """Whether the attempt's Job or Pod left the watch, and the Pod was not read since."""
        entry = self._entries.get(key)
        return entry is not None and attempt in entry.unseen

    def mark_lost(self, key: Key, attempt: int) -> None:
        """Note that the attempt's Pod was read, and is not there."""
        if (entry := self._entries.get(key)) is not None:
            entry.lost.add(attempt)
            entry.unseen.discard(attempt)

    def take_freed(self, key: Key) -> bool:
        """Whether a Job or a Pod of an earlier task of this name has gone since this was asked last."""
        entry = self._entries.get(key)
        return entry is not None and entry.take_freed()

    def deletions(self) -> int:
        """How many objects were deleted so far."""
        return self._deleted.count

    def mark_found(self, pod: Pod, asked_at: int) -> bool:
        """Note that a Pod was read, and is there, whatever the watch says of it. False where it was deleted after the
        request, when `deletions()` was `asked_at`."""
        if not self._deleted.refute(pod.uid, asked_at):
            return False
        self.put_pod(pod)
        if (entry := self._entries.get(Key(pod.namespace, pod.task))) is not None:
            entry.unseen.discard(pod.attempt)
        return True

    def put_queue(self, queue: DjangoTaskQueue) -> None:
        """Keep the queue, unless a later version is cached, it was deleted, or its namespace has too many."""
        self._queues.put(queue)

    def drop_queue(self, key: Key, uid: str) -> None:
        """Forget a queue that was deleted, unless another one of its name is cached."""
        self._queues.drop(key, uid)

    def hide_queue(self, key: Key, uid: str) -> None:
        """Forget a queue for as long as it cannot be parsed, unless another one of its name is cached."""
        self._queues.hide(key, uid)

    def _history_limits(self, queue: Key) -> HistoryLimits:
        return history_limits(self._queues.get(queue) or self._queues.remembered(queue))

    def _queue_changed(self, queue: Key) -> None:
        for workflow in self.workflows.apply_limits(queue):
            self._subscriber.workflow_changed(workflow)
        self._subscriber.queue_changed(queue)
        for schedule in self.schedules.of_queue(queue):
            self._subscriber.schedule_changed(schedule)
        for key in self._index.apply_limits(queue):
            self._subscriber.task_changed(key)
