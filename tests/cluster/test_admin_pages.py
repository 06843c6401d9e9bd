"""Pages of Django's admin about a real cluster: what a log, the outbox, the history, schedules and holds look like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shop import probes

from tests.support.admin_site import AdminSite
from tests.support.postgres import postgres
from tests.support.rights import wait_granted
from tests.support.tasks import FINISH_SECONDS, finish, wait_gone, wait_phase
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for

pytestmark = pytest.mark.usefixtures("backend")
type Open = Callable[..., AdminSite]
ENQUEUES = ["create", "get", "list", "watch", "patch"]


@pytest.fixture
def open_admin(namespace: str, tmp_path: Path) -> Iterator[Open]:
    """The admin of a web app with this kubeconfig, and these OPTIONS."""
    sites: list[AdminSite] = []

    def start(kubeconfig: Path, **options: Any) -> AdminSite:
        sites.append(AdminSite(kubeconfig, namespace, tmp_path, **options))
        return sites[-1]

    yield start
    for site in sites:
        site.close()


def test_the_log_of_a_task_that_runs(
    open_admin: Open, kubeconfig_of: Callable[[str, list[str]], Path], kubectl: Kubectl
) -> None:
    """With the web app's Role it is what the task has kept, and the right that is missing; with pods/log it grows."""
    site = open_admin(kubeconfig_of("with-logs", ENQUEUES))
    # What the script itself prints is the result of its task.
    script = "exec 3>/proc/$PPID/fd/1; echo the first line >&3; sleep 8; echo '<b>the second</b>' >&3; sleep 600"
    result = probes.shell.enqueue(script)
    wait_phase(kubectl, result.id, "Running")
    page = f"task/{result.id}/log/"
    shown = site.wait(page, "The web app may not read logs.")
    assert "admin.logs=true" in shown.text
    assert "the first line" not in shown.text
    kubectl("create", "role", "logs", "--verb=get", "--resource=pods/log")
    kubectl("create", "rolebinding", "logs", "--role=logs", f"--serviceaccount={kubectl.namespace}:with-logs")
    shown = site.wait(page, "the first line")
    assert 'data-live="log"' in shown.html
    shown = site.wait(f"{page}?part=log", "<b>the second</b>")
    assert "<b>the second" not in shown.html
    assert "the first line" in shown.text
    assert "the first line" in site.get(f"task/{result.id}/change/").text
    kubectl("patch", "djangotask", result.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    wait_phase(kubectl, result.id, "Cancelled")


def test_a_task_that_the_outbox_could_not_send_is_sent_by_hand(
    open_admin: Open, kubeconfig_of: Callable[[str, list[str]], Path], kubectl: Kubectl
) -> None:
    site = open_admin(kubeconfig_of("outbox", ["get", "list"]), ENQUEUE="outbox")
    assert "Nothing waits to be sent" in site.get("outboxtask/").text
    code = "from django.db import transaction as t\nfrom shop import probes\nwith t.atomic(): print(probes.add.enqueue(1, 2).id)"
    id_ = site.manage("shell", "--no-imports", "-c", code).split()[-1]
    asked = site.post("outboxtask/", action="send_selected", _selected_action=[id_])
    assert "shop.probes.add" in asked.text
    refused = site.post("outboxtask/act/", act="send", pks=asked.value("pks"))
    assert 'cannot create resource "djangotasks"' in refused.text
    assert "failing" in site.get("outboxtask/").text
    kubectl("create", "role", "enqueue", "--verb=create", "--resource=djangotasks.djangotasks.dev")
    kubectl("create", "rolebinding", "enqueue", "--role=enqueue", f"--serviceaccount={kubectl.namespace}:outbox")
    wait_granted(kubectl, f"system:serviceaccount:{kubectl.namespace}:outbox", "create", "djangotasks.djangotasks.dev")
    assert "Send now: 1 row." in site.post("outboxtask/act/", act="send", pks=id_).text
    assert "Nothing waits to be sent" in site.get("outboxtask/").text
    wait_phase(kubectl, id_, "Succeeded")


def test_the_history_knows_a_task_that_the_cluster_has_forgotten(
    open_admin: Open, cluster: Cluster, kubectl: Kubectl
) -> None:
    with postgres(cluster, kubectl) as database:
        _forgotten(open_admin(cluster.kubeconfig, database=database, HISTORY_DAYS=30), kubectl)


def _forgotten(site: AdminSite, kubectl: Kubectl) -> None:
    good, bad = finish(probes.add.enqueue(1, 2)), finish(probes.fail.enqueue())
    warning = "the history has none of the"
    site.manage("watch_tasks", "--once")
    assert warning not in site.manage("check", "--deploy", "--tag", "tasks", "--database", "default")
    for result in (good, bad):
        kubectl("delete", "djangotask", result.id)
        wait_gone(kubectl, "djangotask", result.id)
    shown = site.get("taskhistory/?phase=Failed").text
    assert bad.id[-12:] in shown
    assert good.id[-12:] not in shown
    page = site.get(f"task/{bad.id}/change/")
    assert "/taskhistory/" in page.address
    for words in ("The task is not in the cluster any more", "shop.probes.fail", "TaskError", "CardDeclined"):
        assert words in page.text, words
    # The cluster has no task any more that the overview could count.
    for window in ("1h", "24h", "30d"):
        assert "From the history." in site.get(f"task/overview/?within={window}").text


def test_schedules_are_run_and_suspended_together(open_admin: Open, cluster: Cluster, kubectl: Kubectl) -> None:
    for name in ("one", "two"):
        kubectl.apply({
            "apiVersion": "djangotasks.dev/v1alpha1",
            "kind": "DjangoTaskSchedule",
            "metadata": {"name": name},
            "spec": {"cron": ["0 0 1 1 *"], "task": {"task": "shop.probes.add", "payload": '{"args":[1,2],"kwargs":{}}'}},
        })  # fmt: skip
    site = open_admin(cluster.kubeconfig)
    asked = site.post("schedule/act/", act="run", pk=["one", "two"])
    done = site.post("schedule/act/", act="run", pks=asked.value("pks"), nonce=asked.value("nonce"))
    assert "Run now: 2 schedules." in done.text

    def ended() -> bool | None:
        items = kubectl.get("djangotasks", "-l", "djangotasks.dev/schedule in (one,two)")["items"]
        phases = [item.get("status", {}).get("phase") for item in items]
        return True if phases == ["Succeeded"] * 2 else None

    wait_for("a task of each schedule succeeds", ended, seconds=FINISH_SECONDS)
    asked = site.post("schedule/act/", act="suspend", pk=["one", "two"])
    done = site.post("schedule/act/", act="suspend", pks=asked.value("pks"), nonce=asked.value("nonce"))
    assert "Suspend: 2 schedules." in done.text
    for name in ("one", "two"):
        assert kubectl.get("djangotaskschedule", name)["spec"]["suspended"] is True


def test_the_overview_says_why_tasks_wait(open_admin: Open, cluster: Cluster, kubectl: Kubectl) -> None:
    site = open_admin(cluster.kubeconfig)
    hold = {"concurrency": 0, "by": "jane", "reason": "prices are wrong"}
    kubectl.apply({
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskHold",
        "metadata": {"name": "default"},
        "spec": hold,
    })  # fmt: skip
    held, lost = probes.add.enqueue(1, 2), probes.add.using(queue_name="no-such-queue").enqueue(1, 2)
    shown = site.wait("task/overview/?fresh=1", "QueueNotFound: ")
    assert "no-such-queue : 1 task: QueueNotFound" in shown.text
    assert "prices are wrong" in site.wait("task/overview/?fresh=1", "It is held by jane: paused").text
    kubectl("delete", "djangotaskhold", "default")
    finish(held)
    kubectl("patch", "djangotask", lost.id, "--type=merge", "-p", '{"spec":{"cancel":true}}')
