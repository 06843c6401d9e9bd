"""The standby pods that the operator knows: those that no task has claimed, and by which task the others were."""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import replace

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.cache.waiting_standbys import HELD_MAX, HELD_OF_NAMESPACE
from djangotasks_operator.pods.standby import StandbyPod
from djangotasks_operator.pods.views import Job, Pod
from djangotasks_operator.runtime.versions import newer

# Attempts whose pods are gone, and whose names are remembered.
LAST_MAX = 1024


class StandbyPods:
    """By key of the pod: its namespace and name."""

    def __init__(self, changed: Callable[[Key], None]) -> None:
        """`changed`: called with the key of a queue one of whose pods is new, has changed in what is kept of it, or is
        not waiting any more: a pod that starts changes several times."""
        self._changed = changed
        self._idle: dict[Key, StandbyPod] = {}
        self._of_queue: dict[Key, set[Key]] = {}
        self._over = Tombstones()
        # The attempts that have claimed one: the key of the task, and the number.
        self._claims: dict[Key, tuple[Key, int]] = {}
        # The names of those that are gone.
        self._last: OrderedDict[tuple[str, int], str] = OrderedDict()

    def get(self, key: Key) -> StandbyPod | None:
        """One that no task has claimed."""
        return self._idle.get(key)

    def all(self) -> list[StandbyPod]:
        return list(self._idle.values())

    def of_queue(self, queue: Key) -> list[StandbyPod]:
        """The oldest first."""
        found = (self._idle[key] for key in self._of_queue.get(queue, ()))
        return sorted(found, key=lambda pod: (pod.created_at, pod.name))

    def of_namespace(self, namespace: str) -> list[StandbyPod]:
        return [pod for pod in self._idle.values() if pod.namespace == namespace]

    def is_full(self, namespace: str) -> bool:
        """Whether there are as many as the operator answers: of the namespace, or of all. What one namespace has beyond
        its share, such as pods that only look like them, counts for no other."""
        counts = Counter(pod.namespace for pod in self._idle.values())
        known = sum(min(count, HELD_OF_NAMESPACE) for count in counts.values())
        return counts[namespace] >= HELD_OF_NAMESPACE or known >= HELD_MAX

    def claim_of(self, key: Key) -> tuple[Key, int] | None:
        """The attempt that has claimed the pod."""
        return self._claims.get(key)

    def put(self, pod: StandbyPod) -> None:
        """Keep a pod that waits, unless a later version is cached, or it waits no more."""
        key = Key(pod.namespace, pod.name)
        known = self._idle.get(key)
        if pod.uid in self._over or (known is not None and not newer(pod.resource_version, known.resource_version)):
            return
        self._idle[key] = pod
        self._of_queue.setdefault(Key(pod.namespace, pod.queue), set()).add(key)
        if known is None or replace(known, resource_version=pod.resource_version) != pod:
            self._changed(Key(pod.namespace, pod.queue))

    def drop(self, pod: StandbyPod) -> None:
        """Forget a pod that is gone, or that a task has claimed."""
        self.end(Key(pod.namespace, pod.name), pod.uid)

    def claimed(self, pod: Pod) -> None:
        """Note that an attempt has claimed the pod, where it was a standby pod."""
        if not pod.standby:
            return
        key, claim = Key(pod.namespace, pod.name), (Key(pod.namespace, pod.task), pod.attempt)
        if self._claims.get(key) == claim and pod.uid in self._over:
            # What becomes of it later is the attempt's matter.
            return
        self._claims[key] = claim
        self.end(key, pod.uid)
        self._changed(Key(pod.namespace, pod.queue))

    def released(self, pod: Pod) -> None:
        """Note that the pod of an attempt is gone."""
        if self._claims.pop(Key(pod.namespace, pod.name), None) is not None:
            self._last[pod.task_uid, pod.attempt] = pod.name
            if len(self._last) > LAST_MAX:
                self._last.popitem(last=False)

    def last_of(self, task_uid: str, attempt: int) -> str | None:
        """The name of the pod that the attempt had, where it is gone: the status may not say it yet."""
        return self._last.get((task_uid, attempt))

    def end(self, key: Key, uid: str) -> None:
        """Forget a pod that is no standby pod any more, for good."""
        self._over.add(uid)
        known = self._idle.get(key)
        if known is None or known.uid != uid:
            return
        del self._idle[key]
        queue = Key(known.namespace, known.queue)
        self._of_queue[queue].discard(key)
        if not self._of_queue[queue]:
            del self._of_queue[queue]
        self._changed(queue)


def is_outdone(pod: Pod, known: Pod | None, job: Job | None) -> bool:
    """Whether a standby pod cannot be its attempt's: because that has a pod of its own (`known`), which is made only
    where nothing can be delivered to the standby pod, or because the attempt's Job names another one: a copy for
    debugging has the same labels and owner."""
    if not pod.standby or (known is not None and known.name == pod.name):
        return False
    if known is not None and not known.standby and known.task_uid == pod.task_uid:
        return True
    return job is not None and job.task_uid == pod.task_uid and job.standby not in (None, pod.name)
