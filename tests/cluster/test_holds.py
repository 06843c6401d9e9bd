"""A queue that people hold: nothing starts, or less, and what runs goes on; until it is released, or its time is over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from tests.support.shells import Shell, manage, plugin
from tests.support.tasks import FINISH_SECONDS, finish, status_of, wait_gone, wait_phase
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest


@pytest.fixture
def new_queue(cluster: Cluster, kubectl: Kubectl) -> Iterator[Callable[..., str]]:
    made = []

    def make(name: str, **spec: Any) -> str:
        kubectl.apply(queue_manifest(name, cluster.image(Target.EXAMPLE), **spec))
        made.append(name)
        return name

    yield make
    kubectl("delete", "djangotaskholds", *made, "--ignore-not-found")


@pytest.fixture
def kube(cluster: Cluster, namespace: str) -> Shell:
    return plugin(cluster, namespace, cluster.kubeconfig)


def wait_held(kubectl: Kubectl, queue: str, most: int | None) -> dict[str, Any]:
    """Until the queue's status says so: its operator has seen it by then. None for a queue that is not held."""
    status: dict[str, Any] = {}

    def look() -> bool | None:
        nonlocal status
        status = kubectl.get("djangotaskqueue", queue).get("status", {})
        return True if status and status.get("held", {}).get("concurrency") == most else None

    wait_for(f"queue {queue}: held to {most}", look, seconds=FINISH_SECONDS, why=lambda: json.dumps(status, indent=1))
    return status


def wait_event(kubectl: Kubectl, about: str, reason: str) -> str:
    kind, name = about.split("/")

    def look() -> str | None:
        events = kubectl.get("events", f"--field-selector=involvedObject.name={name},reason={reason}")["items"]
        return next((one["message"] for one in events if one["involvedObject"]["kind"] == kind), None)

    return wait_for(f"an Event {reason} of {about}", look, seconds=FINISH_SECONDS)


def cancel(kubectl: Kubectl, id_: str) -> None:
    kubectl("patch", "djangotask", id_, "--type=merge", "-p", '{"spec":{"cancel":true}}')


def assert_waits(kubectl: Kubectl, id_: str) -> None:
    """A task of another queue, enqueued later, comes and goes: this one would have been started by then."""
    finish(probes.add.enqueue(1, 2))
    status = status_of(kubectl, id_)
    assert (status["phase"], "attempts" in status) == ("Queued", False)


@pytest.mark.usefixtures("backend")
def test_a_queue_is_held_and_released(kube: Shell, kubectl: Kubectl, new_queue: Callable[..., str]) -> None:
    queue = new_queue("held")
    running = probes.sleep.using(queue_name=queue).enqueue(5)
    wait_phase(kubectl, running.id, "Running")
    done = kube("hold", queue, "--reason", "prices are wrong", "--by", "jane")
    assert (done.code, done.err) == (0, "")
    status = wait_held(kubectl, queue, 0)
    condition = status["conditions"][0]
    assert (condition["status"], condition["reason"]) == ("True", "Held")
    assert condition["message"] == "Nothing is started while the queue is held by jane: prices are wrong"
    assert wait_event(kubectl, f"DjangoTaskQueue/{queue}", "Held") == condition["message"]
    waiting = probes.add.using(queue_name=queue).enqueue(1, 2)
    assert finish(running).return_value == 5, "what runs goes on"
    assert_waits(kubectl, waiting.id)
    assert kube("release", queue).code == 0
    assert finish(waiting).return_value == 3
    wait_held(kubectl, queue, None)
    wait_event(kubectl, f"DjangoTaskQueue/{queue}", "Released")


@pytest.mark.usefixtures("backend")
def test_a_hold_is_over_at_its_time(kube: Shell, kubectl: Kubectl, new_queue: Callable[..., str]) -> None:
    queue = new_queue("for-a-while")
    assert kube("hold", queue, "--for", "1h").code == 0
    wait_held(kubectl, queue, 0)
    waiting = probes.add.using(queue_name=queue).enqueue(1, 2)
    assert_waits(kubectl, waiting.id)
    assert kube("hold", queue, "--for", "2s", "--replace").code == 0
    assert finish(waiting).return_value == 3
    wait_gone(kubectl, "djangotaskhold", queue)
    wait_held(kubectl, queue, None)


@pytest.mark.usefixtures("backend")
def test_fewer_run_at_once(kube: Shell, kubectl: Kubectl, new_queue: Callable[..., str]) -> None:
    queue = new_queue("narrow", concurrency=5)
    assert kube("hold", queue, "--concurrency", "1").code == 0
    wait_held(kubectl, queue, 1)
    first, second = (probes.sleep.using(queue_name=queue).enqueue(600) for _ in range(2))
    wait_phase(kubectl, first.id, "Running")
    assert_waits(kubectl, second.id)
    cancel(kubectl, first.id)
    wait_phase(kubectl, second.id, "Running")
    cancel(kubectl, second.id)


@pytest.mark.usefixtures("backend")
def test_a_hold_waits_for_its_queue(
    kube: Shell, cluster: Cluster, kubectl: Kubectl, new_queue: Callable[..., str]
) -> None:
    done = kube("hold", "comes-later")
    assert (done.code, "There is no DjangoTaskQueue 'comes-later'" in done.err) == (0, True)
    wait_event(kubectl, "DjangoTaskHold/comes-later", "QueueNotFound")
    listed = kube("holds")
    assert "no such queue" in listed.out
    queue = new_queue("comes-later")
    waiting = probes.add.using(queue_name=queue).enqueue(1, 2)
    wait_held(kubectl, queue, 0)
    assert_waits(kubectl, waiting.id)
    assert kube("release", f"djangotaskqueue/{queue}").code == 0
    assert finish(waiting).return_value == 3


@pytest.fixture(params=["kubectl", "manage.py"])
def shell(request: pytest.FixtureRequest, cluster: Cluster, namespace: str, backend: BaseTaskBackend) -> Shell:
    if request.param == "kubectl":
        return plugin(cluster, namespace, cluster.kubeconfig)
    return manage(namespace, cluster.kubeconfig)


def test_two_people_see_each_other(shell: Shell, kubectl: Kubectl, new_queue: Callable[..., str]) -> None:
    queue = new_queue("contended")
    as_json = "--output=json" if shell.options else "--json"
    held = shell("hold", queue, "--for", "2h", "--reason", "prices", as_json)
    assert held.code == 0
    (found,) = held.objects
    assert (found["queue"], found["state"], found["reason"]) == (queue, "held", "prices")
    me = found["by"]
    assert isinstance(me, str)
    assert me == kubectl.get("djangotaskhold", queue)["spec"]["by"]
    second = shell("hold", queue, "--concurrency", "3")
    assert second.code == 1
    assert f"held already, by {me} since" in second.err
    assert "until" in second.err
    assert "prices" in second.err
    assert shell("hold", queue, "--concurrency", "3", "--by", "joe", "--replace").code == 0
    wait_held(kubectl, queue, 3)
    (listed,) = (one for one in shell("holds", as_json).objects if one["queue"] == queue)
    assert (listed["concurrency"], listed["by"], listed["until"], listed["reason"]) == (3, "joe", None, None)
    assert shell("release", queue).code == 0
    again = shell("release", queue)
    assert (again.code, "is not held" in again.err) == (1, True)


def test_who_may_not_reads_what_to_grant(
    cluster: Cluster, namespace: str, backend: BaseTaskBackend, kubeconfig_of: Callable[..., Any], new_queue: Any
) -> None:
    queue = new_queue("guarded")
    shell = manage(namespace, kubeconfig_of("web", ["get", "list", "create", "watch", "patch"]))
    done = shell("hold", queue)
    assert done.code == 1
    assert "admin.holds=true" in done.err
