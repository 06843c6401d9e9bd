"""`manage.py watch_tasks` on PostgreSQL and the real cluster: each end is dispatched once, and none is lost.

Most tasks here never get a pod: they wait for a queue that is missing, and are cancelled by the operator.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import override_settings
from shop import probes

from tests.support.tasks import create_task, status_of, wait_phase
from tests.support.watching_site import DISPATCH_SECONDS, NOWHERE, Site, watching_site
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.tasks.backends.base import BaseTaskBackend

BACKEND = "django_tasks_kubernetes.KubernetesBackend"
STORAGE = "django.core.files.storage.FileSystemStorage"


@pytest.fixture(scope="module")
def one_site(
    cluster: Cluster, kubectl: Kubectl, backend: BaseTaskBackend, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with watching_site(cluster, kubectl, tmp_path_factory.mktemp("hooks")) as site:
        yield site


@pytest.fixture
def site(one_site: Site) -> Iterator[Site]:
    one_site.clear()
    yield one_site
    print(one_site.log()[-6000:])


def by_task(calls: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    assert len({call["id"] for call in calls}) == len(calls), "each is dispatched once"
    return {call["id"]: call for call in calls}


def test_watch_tasks_dispatches_ends_that_no_pod_reports(
    site: Site, backend: BaseTaskBackend, kubectl: Kubectl
) -> None:
    policy = {"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}}
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 5))
    with site.watch():
        success, failure = probes.add.enqueue(1, 2).id, probes.fail.enqueue().id
        memory = create_task(kubectl, "shop.probes.allocate", policy=policy)
        expired = create_task(kubectl, "shop.probes.add", 1, 2, queue=NOWHERE, expiresAt=soon)
        running = probes.sleep.enqueue(600).id
        (waiting,) = site.make(1)
        site.cancel(waiting)
        wait_phase(kubectl, running, "Running", seconds=DISPATCH_SECONDS)
        site.cancel(running)
        site.wait_committed(success, failure, memory, expired, running, waiting)
    found = {
        task: (call["status"], call["reason"], call["reported"]) for task, call in by_task(site.calls("ended")).items()
    }
    # A busy node may learn that memory was the cause only after the container's end was reported: then the status says
    # ProcessExited. Receivers get what the status says.
    exhausted = status_of(kubectl, memory)
    reasons = [attempt["reason"] for attempt in exhausted["attempts"]]
    assert len(reasons) == 2
    assert set(reasons) <= {"OOMKilled", "ProcessExited"}
    assert found == {
        success: ("SUCCESSFUL", None, True),
        failure: ("FAILED", "TaskError", True),
        memory: ("FAILED", reasons[-1], False),
        expired: ("FAILED", "Expired", False),
        running: ("FAILED", "CancelRequested", False),
        waiting: ("FAILED", "CancelRequested", False),
    }
    attempts = Counter((call["id"], call["attempt"], call["reason"]) for call in site.calls("attempt"))
    assert [attempts[memory, number, reason] for number, reason in enumerate(reasons, 1)] == [1, 1]
    assert attempts[failure, 1, "TaskError"] == 1
    assert {task for task, _, _ in attempts} <= {memory, failure, running}
    assert by_task(site.calls("ended"))[memory]["message"] == exhausted["message"]


def test_watch_tasks_dispatches_what_ended_while_it_was_down(site: Site) -> None:
    with site.watch():
        before = site.end(3)
        site.wait_committed(*before)
    during = site.end(3)
    with site.watch():
        site.wait_committed(*during)
        (after,) = site.end(1)
        site.wait_committed(after)
    assert site.committed() == Counter([*before, *during, after])
    assert by_task(site.calls()).keys() == {*before, *during, after}


def test_watch_tasks_dispatches_the_end_of_a_workflow_once_also_if_it_is_killed(site: Site) -> None:
    """While a receiver runs, and while no process watches."""

    def make(name: str) -> None:
        steps = [{"name": "first", "task": "shop.probes.add", "queue": NOWHERE}]
        kind = {"apiVersion": "djangotasks.dev/v1alpha1", "kind": "DjangoTaskWorkflow"}
        site.kubectl.apply(kind | {"metadata": {"name": name}, "spec": {"steps": steps}})

    def cancel(name: str) -> None:
        patch = '{"spec":{"cancel":true,"cancelReason":"enough"}}'
        site.kubectl("patch", "djangotaskworkflow", name, "--type=merge", "--patch", patch)

    def committed() -> list[tuple[str, str]]:
        found = site.query("SELECT task, reason FROM committed WHERE event = 'workflow' ORDER BY task")
        return [(task, reason) for task, reason in found]

    for name in ("flow-a", "flow-b", "flow-c"):
        make(name)
    (site.folder / "die").write_text("workflow")
    with site.watch() as first:
        cancel("flow-a")
        first.wait_killed()
    assert committed() == []
    cancel("flow-b")
    wait_phase_of = ["wait", "djangotaskworkflow/flow-b", "--for=condition=Failed", "--timeout=240s"]
    site.kubectl(*wait_phase_of, seconds=250)
    with site.watch():
        wait_for("it watches", lambda: len(committed()) == 2 or None, seconds=DISPATCH_SECONDS, why=site.log)
        site.kubectl("delete", "djangotaskworkflow", "flow-c")
        wait_for("all are dispatched", lambda: len(committed()) == 3 or None, seconds=DISPATCH_SECONDS, why=site.log)
    assert committed() == [(name, "CancelRequested") for name in ("flow-a", "flow-b", "flow-c")]
    assert [call["id"] for call in site.calls("workflow")].count("flow-a") == 2


def test_watch_tasks_killed_while_a_receiver_runs(site: Site) -> None:
    """After the receiver has done its work, and before that is committed."""
    tasks = site.end(3)
    (site.folder / "die").write_text("ended")
    site.watch().wait_killed()
    assert (len(site.calls()), site.committed()) == (1, {})
    with site.watch():
        site.wait_committed(*tasks)
    assert site.committed() == Counter(tasks), "what a receiver writes to the database is there once"
    assert Counter(call["id"] for call in site.calls()) == Counter([*tasks, site.calls()[0]["id"]])


def test_watch_tasks_killed_at_any_moment(site: Site) -> None:
    """Two watchers, of which one or the other is killed again and again while tasks end."""
    tasks = site.make(40)
    chance = random.Random(2026)
    watchers = [site.watch(), site.watch()]
    for start in range(0, len(tasks), 5):
        site.cancel(*tasks[start : start + 5])
        victim = chance.randrange(2)
        reached = start + chance.randrange(5)
        wait_for("some are dispatched", lambda: len(site.committed()) >= reached or None, seconds=DISPATCH_SECONDS)  # noqa: B023
        watchers[victim].process.kill()
        watchers[victim] = site.watch()
    with ExitStack() as stack:
        for watcher in watchers:
            stack.enter_context(watcher)
        site.wait_committed(*tasks)
    assert site.committed() == Counter(tasks)
    assert {call["id"] for call in site.calls()} == set(tasks)


def test_two_watchers_call_no_receiver_twice(site: Site) -> None:
    tasks = site.make(30)
    with site.watch(), site.watch():
        site.cancel(*tasks)
        site.wait_committed(*tasks)
    assert Counter(call["id"] for call in site.calls()) == Counter(tasks)
    assert Counter(call["id"] for call in site.calls("first")) == Counter(tasks)


def test_a_receiver_that_raises_is_called_again_and_delays_no_other(site: Site) -> None:
    (site.folder / "raise").write_text("2")
    with site.watch():
        tasks = site.end(4)
        site.wait_committed(*tasks)
    assert site.committed() == Counter(tasks)
    calls = Counter(call["id"] for call in site.calls())
    assert sum(calls.values()) == 4 + 2
    assert Counter(call["id"] for call in site.calls("first")) == Counter(tasks), (
        "who did not raise is not called again"
    )
    assert "RuntimeError: as the test asks for" in site.log()


def test_a_receiver_that_hangs_ends_the_process(site: Site) -> None:
    """The process ends, and says where it hung; the next one dispatches the others first, and this one as well."""
    tasks = site.end(2)
    (site.folder / "hang").touch()
    said = site.manage("watch_tasks", "--hang-seconds", "30", code=1)
    assert "Timeout" in said
    assert "hooks.py" in said
    assert site.committed() == {}
    with site.watch():
        site.wait_committed(*tasks)
    assert site.committed() == Counter(tasks)


def test_watch_tasks_dispatches_deleted_tasks(site: Site, kubectl: Kubectl) -> None:
    """Before it has ended: it is cancelled. After: it is dispatched all the same, also to a receiver that raised before."""
    (unfinished,) = site.make(1)
    (site.folder / "raise").write_text("1")
    with site.watch():
        (finished,) = site.end(1)
        wait_for("it was tried", lambda: site.calls() or None, seconds=DISPATCH_SECONDS, why=site.log)
        kubectl("delete", "djangotask", unfinished, finished)
        site.wait_committed(unfinished, finished)
    call = by_task([call for call in site.calls() if call["id"] == unfinished])[unfinished]
    assert (call["status"], call["reason"], call["reported"]) == ("FAILED", "CancelRequested", False)
    assert "deleted" in call["message"]


def test_watch_tasks_deletes_the_files_of_deleted_tasks(site: Site, cluster: Cluster, kubectl: Kubectl) -> None:
    files = site.folder / "files"
    storages = {"files": {"BACKEND": STORAGE, "OPTIONS": {"location": files}}}
    options = {"NAMESPACE": kubectl.namespace, "KUBECONFIG": str(cluster.kubeconfig), "STORAGE": "files"}
    tasks = {"default": {"BACKEND": BACKEND, "QUEUES": [], "OPTIONS": options}}
    with override_settings(STORAGES=storages, TASKS=tasks):
        unfinished, finished = (probes.echo.using(queue_name=NOWHERE).enqueue("x" * 200_000).id for _ in range(2))

    def owners() -> set[str]:
        return {path.name.partition(".")[0] for path in files.rglob("*.json")}

    with site.watch():
        site.cancel(finished)
        site.wait_committed(finished)
        assert owners() == {unfinished, finished}
        kubectl("delete", "djangotask", unfinished, finished)
        site.wait_committed(unfinished)
        wait_for("the files are gone", lambda: not owners() or None, seconds=DISPATCH_SECONDS, why=site.log)


def test_watch_tasks_survives_an_unavailable_api_server(site: Site) -> None:
    with site.watch():
        site.wait_committed(*site.end(1))
        with site.proxy.away():
            during = site.end(2)
        site.wait_committed(*during)
        assert all(count == 1 for count in site.committed().values())


def test_watch_tasks_once(site: Site) -> None:
    tasks = site.end(2)
    (site.folder / "raise").write_text("1")
    site.manage("watch_tasks", "--once", code=1)
    assert (len(site.calls()), len(site.committed())) == (2, 1)

    def passed() -> bool | None:
        return True if site.run("watch_tasks", "--once")[0] == 0 else None

    wait_for("the other is dispatched", passed, seconds=DISPATCH_SECONDS)
    assert site.committed() == Counter(tasks)


def test_watch_tasks_from_now(site: Site) -> None:
    site.end(2)
    site.manage("watch_tasks", "--from-now")
    later = site.end(1)
    site.manage("watch_tasks", "--once")
    assert site.committed() == Counter(later)


def test_watch_tasks_needs_the_web_apps_role_and_names_a_missing_verb(
    site: Site, kubeconfig_of: Callable[[str, list[str]], Path]
) -> None:
    tasks = site.end(1)
    refused = site.manage("watch_tasks", code=1, KUBECONFIG=str(kubeconfig_of("blind", ["get"])))
    assert "cannot list resource" in refused
    assert "--verb=create,get,list,watch,patch" in refused
    assert site.committed() == {}
    site.manage("watch_tasks", "--once", KUBECONFIG=str(kubeconfig_of("seeing", ["get", "list", "watch"])))
    assert site.committed() == Counter(tasks)
