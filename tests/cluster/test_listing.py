"""The newest tasks come first, wherever they were enqueued: for `manage.py tasks`, the plugin, and kubectl alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from shop import enqueueing

from djangotasks_api.task_ids import is_in_order
from tests.support.shells import Shell, manage, plugin
from tests.support.tasks import create_task, finish
from tools.cluster import Target
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from django_tasks_kubernetes import KubernetesBackend
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

MANY = 60
# Starts nothing. Of those that the image's settings know.
HELD = "mail"


@pytest.fixture(scope="module")
def newest(cluster: Cluster, kubectl: Kubectl, backend: KubernetesBackend) -> list[str]:
    """Of each way to enqueue, the newest first; before them there are many others."""
    kubectl.apply(queue_manifest(HELD, cluster.image(Target.EXAMPLE), suspended=True))
    held: Any = enqueueing.double.using(queue_name=HELD)
    backend.enqueue_many((held, (number,)) for number in range(MANY)).raise_for_not_accepted()
    parent = finish(enqueueing.pass_on.enqueue(1, 1))
    again = finish(backend.retry(parent.id))
    keyed = held.using(idempotency_key="order-1").enqueue(1)
    assert held.using(idempotency_key="order-1").enqueue(2).id == keyed.id
    # Without the time, it has that of its creation, to the second.
    by_hand = create_task(kubectl, queue=HELD, enqueuedAt=datetime.now(UTC).isoformat())
    children = [result.return_value["next"] for result in (again, parent)]
    return [by_hand, keyed.id, children[0], again.id, children[1], parent.id]


@pytest.fixture(params=["kubectl", "manage.py"])
def shell(request: pytest.FixtureRequest, cluster: Cluster, namespace: str) -> Shell:
    if request.param == "kubectl":
        return plugin(cluster, namespace, cluster.kubeconfig)
    return manage(namespace, cluster.kubeconfig)


def ids_of(shell: Shell, *words: str) -> list[str]:
    done = shell("list", *words, "--output=json" if shell.options else "--json")
    assert done.code == 0, done.err
    return [str(one["id"]) for one in done.objects]


def test_the_newest_come_first_for_both_command_lines(shell: Shell, newest: list[str]) -> None:
    count = len(newest)
    assert ids_of(shell, "--limit", str(count)) == newest
    table = shell("list", "--limit", str(count))
    assert [line.split()[0] for line in table.out.splitlines()[1:]] == newest
    assert f"The newest {count} of " in table.err
    everything = ids_of(shell, "--limit", "0")
    assert everything[:count] == newest
    assert len({*everything}) >= MANY + count
    # The server selects: it does not say how many there are.
    assert ids_of(shell, "--queue", HELD, "--limit", "2") == newest[:2]
    assert "There are more" in shell("list", "--queue", HELD, "--limit", "2").err
    # Those who name a task need not copy all of its id.
    shown = shell("show", newest[3][-8:])
    assert (shown.code, shown.err) == (0, "")
    assert newest[3] in shown.out


def test_the_newest_come_first_for_kubectl(kubectl: Kubectl, newest: list[str]) -> None:
    """Of those whose names tell the time, which the others come after."""
    found = kubectl.get("djangotasks")["items"]
    names = [one["metadata"]["name"] for one in found]
    in_order = [name for name in names if is_in_order(name)]
    assert names[: len(in_order)] == in_order
    assert in_order[:4] == newest[2:]
    times = {one["metadata"]["name"]: one["spec"].get("enqueuedAt") for one in found}
    # To the millisecond: RFC 3339 with microseconds.
    milliseconds = [times[name][:23] for name in in_order]
    assert milliseconds == sorted(milliseconds, reverse=True)
    labelled = kubectl.get("djangotasks", "-l", "djangotasks.dev/in-order")["items"]
    assert {one["metadata"]["name"] for one in labelled} == {*in_order}


def test_a_retry_is_found_by_what_it_repeats(kubectl: Kubectl, newest: list[str]) -> None:
    again, parent = newest[3], newest[5]
    (found,) = kubectl.get("djangotasks", "-l", f"djangotasks.dev/retry-of={parent}")["items"]
    assert found["metadata"]["name"] == again
