"""The Jobs and Pods of each task, under its key: of two versions the newer one stays, and none that was deleted."""

from collections.abc import Callable
from dataclasses import replace

from djangotasks_operator.cache.entry import Entry
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.pods.views import Job, Pod
from djangotasks_operator.runtime.versions import newer
from djangotasks_operator.runtime.watch_monitor import WatchMonitor


class Entries(dict[Key, Entry]):
    """What the cache has of each task, by key."""

    def __init__(self, monitor: WatchMonitor, deleted: Tombstones, changed: Callable[[Key], None]) -> None:
        """`changed`: is called with the key of each task whose Jobs or Pods change."""
        super().__init__()
        self._monitor, self._deleted, self._changed = monitor, deleted, changed

    def jobs(self) -> list[Job]:
        return [job for entry in self.values() for job in entry.jobs.values()]

    def pods(self) -> list[Pod]:
        return [pod for entry in self.values() for pod in entry.pods.values()]

    def put_job(self, job: Job) -> bool:
        """Keep the Job, unless a later version is here. False where it was deleted."""
        return self._put("jobs", job, lambda entry: entry.jobs)

    def leave_job(self, job: Job) -> None:
        """Take this version of the Job for a finished one, until there is a later one."""
        entry = self.get(Key(job.namespace, job.task))
        if entry is not None and entry.jobs.get(job.attempt) == job:
            entry.jobs[job.attempt] = replace(job, finished=True)

    def put_pod(self, pod: Pod) -> bool:
        """Keep the Pod, unless a later version is here. False where it was deleted."""
        return self._put("pods", pod, lambda entry: entry.pods)

    def drop_job(self, job: Job) -> None:
        """Forget a Job that left the watch."""
        self._drop("jobs", job, lambda entry: entry.jobs)

    def drop_pod(self, pod: Pod) -> None:
        """Forget a Pod that left the watch."""
        self._drop("pods", pod, lambda entry: entry.pods)

    def drop_if_empty(self, key: Key) -> None:
        entry = self[key]
        if entry.task is None and not entry.jobs and not entry.pods:
            del self[key]

    def _put[Item: (Job, Pod)](self, resource: str, item: Item, items_of: Callable[[Entry], dict[int, Item]]) -> bool:
        if item.uid in self._deleted:
            return False
        key = Key(item.namespace, item.task)
        items = items_of(self.setdefault(key, Entry()))
        known = items.get(item.attempt)
        if known is None or newer(item.resource_version, known.resource_version):
            items[item.attempt] = item
            self._monitor.expect(resource, item.namespace, item.uid, item.resource_version)
            self._changed(key)
        return True

    def _drop[Item: (Job, Pod)](self, resource: str, item: Item, items_of: Callable[[Entry], dict[int, Item]]) -> None:
        self._monitor.forget(resource, item.namespace, item.uid)
        self._deleted.add(item.uid)
        key = Key(item.namespace, item.task)
        entry = self.get(key)
        if entry is None:
            return
        items = items_of(entry)
        if item.attempt in items and items[item.attempt].uid == item.uid:
            del items[item.attempt]
        if entry.task is not None and entry.task.metadata.uid == item.task_uid:
            entry.unseen.add(item.attempt)
        else:
            entry.freed = True
        self.drop_if_empty(key)
        self._changed(key)
