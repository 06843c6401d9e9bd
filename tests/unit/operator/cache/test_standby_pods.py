"""What is known of standby pods: the later version counts, a claim is for good, and who asks is found."""

from __future__ import annotations

from dataclasses import replace

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.kinds import STANDBY_SOURCE
from djangotasks_operator.cache.standby_pods import LAST_MAX, StandbyPods
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.waiting_standbys import HELD_MAX, HELD_OF_NAMESPACE
from djangotasks_operator.pods.standby import StandbyPod
from tests.support.builders import NAMESPACE, UID, at, make_job, make_pod, make_task
from tests.unit.operator.standby_stage import idle, make_warm

QUEUE = Key(NAMESPACE, "default")


def standby(name: str = "default-0a", version: int = 1, age: float = 60) -> StandbyPod:
    return StandbyPod(
        name=name, namespace=NAMESPACE, uid=f"uid-of-{name}", resource_version=str(version), queue="default",
        queue_uid="q", hash="h", created_at=at(-age), deleting=False, ended=False, terminated=None, broken=None, problem=None,
    )  # fmt: skip


def index() -> tuple[StandbyPods, list[Key]]:
    changed: list[Key] = []
    return StandbyPods(changed.append), changed


def test_the_later_version_counts() -> None:
    pods, changed = index()
    pods.put(standby(version=2))
    pods.put(standby(version=1))
    assert pods.of_queue(QUEUE) == [standby(version=2)]
    assert changed == [QUEUE]


def test_the_oldest_is_first() -> None:
    pods, _ = index()
    for name, age in (("default-0a", 1), ("default-0b", 60), ("default-0c", 30)):
        pods.put(standby(name, age=age))
    assert [pod.name for pod in pods.of_queue(QUEUE)] == ["default-0b", "default-0c", "default-0a"]
    assert len(pods.of_namespace(NAMESPACE)) == len(pods.all()) == 3
    assert pods.of_namespace("bank") == []


def test_a_claim_is_for_good() -> None:
    pods, changed = index()
    pods.put(standby())
    pods.claimed(make_pod(name="default-0a", uid="uid-of-default-0a", standby=True, queue="default"))
    assert pods.of_queue(QUEUE) == []
    assert pods.claim_of(Key(NAMESPACE, "default-0a")) == (Key(NAMESPACE, "receipt"), 1)
    pods.put(standby(version=9))
    assert pods.get(Key(NAMESPACE, "default-0a")) is None, "an answer that was on its way brings it back"
    assert set(changed) == {QUEUE}


def test_one_that_is_gone_stays_gone() -> None:
    pods, _ = index()
    pods.put(standby())
    pods.drop(standby())
    pods.put(standby(version=9))
    assert pods.all() == []


def test_the_attempts_own_pod_outdoes_a_standby_pod() -> None:
    """The owner of a pod that can never be the attempt's was changed all the same, by a request that came too late."""
    store = Store()
    store.put_task(make_task())
    own = make_pod()
    store.put_pod(own)
    late = make_pod(name="default-0a", uid="p", standby=True, resource_version="99")
    store.put_pod(late)
    assert store.pod(Key(NAMESPACE, "receipt"), 1) == own
    another = replace(late, task_uid="another", attempt=2)
    store.put_pod(another)
    assert store.pod(Key(NAMESPACE, "receipt"), 2) == another
    assert own.task_uid == UID


def test_a_copy_of_a_claimed_pod_is_not_the_attempts() -> None:
    store, key = Store(), Key(NAMESPACE, "receipt")
    store.put_task(make_task())
    store.put_job(make_job(standby="default-0a"))
    copy = make_pod(name="debug", uid="d", standby=True, resource_version="99")
    store.put_pod(copy)
    assert store.pod(key, 1) is None
    claimed = make_pod(name="default-0a", uid="p", standby=True)
    store.put_pod(claimed)
    store.put_pod(replace(copy, resource_version="100"))
    assert store.pod(key, 1) == claimed
    store.put_job(make_job(standby=None, resource_version="9"))
    ended = replace(claimed, resource_version="101")
    store.put_pod(ended)
    assert store.pod(key, 1) == ended, "the pod stays what it was when its Job is edited"


def test_a_claimed_pod_that_is_gone_leaves_nothing() -> None:
    """An answer that was on its way comes after the deletion."""
    store = Store()
    store.put_task(make_task())
    pod = make_pod(name="default-0a", uid="p", standby=True)
    store.put_pod(pod)
    store.drop_pod(pod)
    store.put_pod(replace(pod, resource_version="99"))
    assert store.standbys.claim_of(Key(NAMESPACE, "default-0a")) is None


def test_a_namespace_has_its_share() -> None:
    pods, _ = index()
    for number in range(HELD_MAX):
        assert pods.is_full(NAMESPACE) == (number >= HELD_OF_NAMESPACE)
        pods.put(standby(f"default-{number}"))
    assert not pods.is_full("bank"), "what is there beyond the share, such as pods that only look like it"
    for number in range(HELD_MAX - HELD_OF_NAMESPACE):
        pods.put(replace(standby(f"other-{number}"), namespace="mail"))
    assert pods.is_full("bank")


def test_one_whose_owner_was_taken_away_is_none_any_more() -> None:
    """Such as by `kubectl delete djangotaskqueue --cascade=orphan`. It would be chosen for each task, in vain."""
    operator = make_warm()
    key = Key(NAMESPACE, idle(operator)[0]["metadata"]["name"])
    assert operator.store.standbys.get(key) is not None
    operator.server.update("pods", key.name, {"metadata": {"ownerReferences": []}})
    STANDBY_SOURCE.apply_event(operator.store, {"type": "MODIFIED", "object": operator.server.get("pods", key.name)})
    assert operator.store.standbys.get(key) is None


def test_the_names_of_some_that_are_gone_are_remembered() -> None:
    pods, _ = index()
    for number in range(LAST_MAX + 1):
        pod = make_pod(name=f"default-{number}", task_uid=f"task-{number}", standby=True)
        pods.claimed(pod)
        pods.released(pod)
    assert (pods.last_of("task-0", 1), pods.last_of("task-1", 1)) == (None, "default-1")
    assert pods.last_of("task-1", 2) is None


def test_a_version_with_nothing_new_in_what_is_kept_wakes_no_pool() -> None:
    pods, changed = index()
    pods.put(standby(version=1))
    changed.clear()
    pods.put(standby(version=2))
    kept = pods.get(Key(NAMESPACE, "default-0a"))
    assert (changed, kept is not None and kept.resource_version) == ([], "2")
    pods.put(replace(standby(version=3), running=True))
    assert len(changed) == 1


def test_what_becomes_of_a_claimed_pod_wakes_no_pool() -> None:
    pods, changed = index()
    pod = make_pod(name="default-0a", standby=True)
    pods.claimed(pod)
    changed.clear()
    pods.claimed(replace(pod, resource_version="99", phase="Succeeded"))
    assert changed == []
