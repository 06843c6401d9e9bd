"""Tasks that enqueue tasks with ENQUEUE on_commit and outbox: it is their own transaction that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist
from shop import enqueueing

from tests.support.postgres import postgres
from tests.support.tasks import FINISH_SECONDS, status_of, wait_phase
from tests.support.web_app import Web
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django_tasks_kubernetes import KubernetesBackend
    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

# As the image's settings know them: one for each mode.
QUEUES = {"on_commit": "reports", "outbox": "mail"}
MODES = pytest.mark.parametrize("mode", QUEUES)


@pytest.fixture(scope="module")
def web(cluster: Cluster, kubectl: Kubectl, backend: KubernetesBackend) -> Iterator[Web]:
    """The database, and a relay that runs when it is asked to."""
    with postgres(cluster, kubectl) as database:
        web = Web(database, cluster.kubeconfig, kubectl)
        web.manage("migrate", "--verbosity=0")
        address = kubectl.get("pod", "postgres")["status"]["podIP"]
        for mode, queue in QUEUES.items():
            environ = {
                "DJANGO_SECRET_KEY": "for tests",
                "DATABASE_HOST": address,
                "DATABASE_PASSWORD": database["DATABASE_PASSWORD"],
                "TASKS_ENQUEUE": mode,
            }
            env = [{"name": name, "value": value} for name, value in environ.items()]
            kubectl.apply(queue_manifest(queue, cluster.image(Target.EXAMPLE), container_update={"env": env}))
        yield web
        web.kill()


def enqueue(mode: str, *args: Any) -> Any:
    return enqueueing.enqueue_in_transaction.using(queue_name=QUEUES[mode]).enqueue(*args)


def names(kubectl: Kubectl) -> set[str]:
    return set(kubectl("get", "djangotasks", "-o", "jsonpath={.items[*].metadata.name}").split())


@MODES
def test_what_is_enqueued_is_created_at_the_commit(web: Web, backend: KubernetesBackend, mode: str) -> None:
    parent = enqueue(mode, 21, "commit")
    said = parent.get(FINISH_SECONDS)
    # A row of the outbox can be read before there is a task.
    assert said["before"] == ("READY" if mode == "outbox" else "not there")
    assert said["after"] in ("READY", "RUNNING", "SUCCESSFUL")
    assert said["enqueued_by"] == [None, parent.id]
    child = backend.get_result(said["child"])
    assert child.get(FINISH_SECONDS) == 42
    assert child.enqueued_by is not None
    assert (child.enqueued_by.id, web.rows()) == (parent.id, {})


@MODES
def test_nothing_is_created_after_a_rollback(web: Web, backend: KubernetesBackend, kubectl: Kubectl, mode: str) -> None:
    before = names(kubectl)
    parent = enqueue(mode, 21, "roll back")
    said = parent.get(FINISH_SECONDS)
    assert (said["after"], said["enqueued_by"]) == ("not there", [None, None])
    assert (names(kubectl) - before, web.rows()) == ({parent.id}, {})
    with pytest.raises(TaskResultDoesNotExist):
        backend.get_result(said["child"])


def test_the_relay_sends_what_a_killed_pod_left(web: Web, backend: KubernetesBackend, kubectl: Kubectl) -> None:
    """It counts as enqueued by nobody: the relay has no token of the task."""
    before = names(kubectl)
    parent = enqueue("outbox", 4, "die")
    wait_phase(kubectl, parent.id, "Failed")
    (row,) = web.rows()
    assert names(kubectl) - before == {parent.id}
    web.relay()
    child = backend.get_result(row)
    assert (child.get(FINISH_SECONDS), child.enqueued_by) == (8, None)
    assert len(status_of(kubectl, row)["attempts"]) == 1


def test_an_operator_that_is_away_at_the_commit_delays_it_alone(
    web: Web, backend: KubernetesBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    """The pod does not wait for it. What the relay has sent is not the task's own: it may not look at it any more."""
    with web.commits_held() as is_held:
        parent = enqueue("outbox", 5, "commit")
        wait_for("the commit", lambda: True if is_held() else None, seconds=FINISH_SECONDS)
        wait_phase(kubectl, parent.id, "Running")
        operator.kill()
        wait_for("the operator has ended", lambda: None if operator.running else True, seconds=FINISH_SECONDS)
    (row,) = wait_for("the row", lambda: list(web.rows()) or None, seconds=FINISH_SECONDS)
    web.relay()
    assert row in names(kubectl)
    operator.start()
    said = parent.get(FINISH_SECONDS)
    assert (said["child"], said["enqueued_by"], said["after"]) == (row, [None, None], "not its own")
    child = backend.get_result(row)
    assert (child.get(FINISH_SECONDS), child.enqueued_by) == (10, None)
    assert len(status_of(kubectl, row)["attempts"]) == 1
    assert web.rows() == {}
