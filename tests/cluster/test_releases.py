"""Releases of the chart over time, and side by side: upgrade, rollback, rotation, a second one; tasks run meanwhile."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.tasks import TaskResult, task_backends
from django.tasks.backends.base import BaseTaskBackend
from django.test import override_settings
from shop import probes

from tests.support.installation import CHART, NAME, RELEASE, Installation
from tests.support.rights import can_i
from tests.support.tasks import FINISH_SECONDS, GO, finish, go, status_of, wait_gone, wait_phase
from tools.cluster import Target
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for
from tools.manifests import queue_manifest

EARLIER = Path(__file__).parent / "releases" / "djangotasks-0.0.1.tgz"
RULES = re.compile(r'{{- define "djangotasks\.rules" -}}.*?^{{- end }}$', re.DOTALL | re.MULTILINE)
# More than a termination message holds: it arrives by a report or not at all.
LARGE = 20_000
OF_RELEASE = ("-l", f"app.kubernetes.io/instance={RELEASE}", "-o", "name")
KINDS = "all,secrets,configmaps,serviceaccounts,roles,rolebindings,poddisruptionbudgets,networkpolicies,endpointslices"


@contextmanager
def installed(cluster: Cluster, chart: Path | None = None) -> Iterator[Installation]:
    """The operator in one new namespace, for another, which has a queue."""
    own, watched = cluster.new_namespace(), cluster.new_namespace()
    cluster.kubectl(watched).apply(queue_manifest("default", cluster.image(Target.EXAMPLE)))
    installation = Installation(cluster, cluster.kubectl(own), watched)
    try:
        installation.upgrade(chart=chart or CHART)
        yield installation
    finally:
        installation.uninstall("--ignore-not-found")
        for namespace in (own, watched):
            cluster.delete_namespace(namespace)


def earlier_chart(folder: Path) -> Path:
    """The chart as it was before. It is run with the image of today, since none was published with it, and so with
    today's rights."""
    shutil.unpack_archive(EARLIER, folder, filter="data")
    helpers = Path("templates", "_helpers.tpl")
    (rules,) = RULES.findall((CHART / helpers).read_text())
    path = folder / CHART.name / helpers
    text, count = RULES.subn(lambda _: rules, path.read_text())
    assert count == 1
    path.write_text(text)
    return folder / CHART.name


@pytest.fixture(scope="module")
def installation(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(cluster, earlier_chart(tmp_path_factory.mktemp("earlier"))) as installation:
        yield installation


@pytest.fixture(scope="module")
def tasks(installation: Installation) -> Kubectl:
    return installation.cluster.kubectl(installation.watched)


@contextmanager
def enqueueing_into(installation: Installation) -> Iterator[BaseTaskBackend]:
    options = {"NAMESPACE": installation.watched, "KUBECONFIG": str(installation.cluster.kubeconfig)}
    kubernetes = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": kubernetes}):
        yield task_backends["default"]


@pytest.fixture
def in_flight(installation: Installation, tasks: Kubectl) -> Iterator[TaskResult[..., str]]:
    """A task that runs, until the file is there. Afterwards: it has succeeded, at its first attempt."""
    with enqueueing_into(installation):
        result = probes.return_bytes_when.enqueue(LARGE, GO)
        wait_phase(tasks, result.id, "Running")
        yield result
        go(tasks, f"{result.id}-1")
        assert len(finish(result).return_value) == LARGE
        status = status_of(tasks, result.id)
        assert (len(status["attempts"]), status["interruptions"]) == (1, 0)


def replaced(installation: Installation, pods: list[str]) -> None:
    """The replicas of before are gone: from now on those of today answer alone."""
    for pod in pods:
        wait_gone(installation.kubectl, "pod", pod)


def test_an_upgrade_from_the_release_before(installation: Installation, in_flight: TaskResult[..., str]) -> None:
    pods, keys = installation.pods(), installation.keys()
    installation.upgrade()
    replaced(installation, pods)
    assert installation.keys() == keys


def test_helm_test(installation: Installation) -> None:
    said = installation.test()
    assert "Succeeded" in said
    assert "POST 80 /v1/attempts/none/none/none/1/outcome 403" in said
    wait_gone(installation.kubectl, "pod", f"{NAME}-test")


def test_a_rollback(installation: Installation, in_flight: TaskResult[..., str]) -> None:
    pods, keys = installation.pods(), installation.keys()
    installation.rollback(1)
    replaced(installation, pods)
    assert installation.keys() == keys
    installation.upgrade()


def test_a_rotation_of_the_key(installation: Installation, in_flight: TaskResult[..., str], tasks: Kubectl) -> None:
    """And tasks that start while it goes on, with tokens that only some replicas know."""
    pods, keys = installation.pods(), installation.keys()
    during = [probes.return_bytes.enqueue(LARGE) for _ in range(3)]
    installation.upgrade({"key.rotation": "2"})
    during += [probes.return_bytes.enqueue(LARGE) for _ in range(3)]
    replaced(installation, pods)
    rotated = installation.keys()
    assert rotated["previous"] == keys["key"] != rotated["key"]
    for result in during:
        assert len(finish(result).return_value) == LARGE
    # The word is the same, so the keys are.
    installation.upgrade({"key.rotation": "2", "logFormat": "json"})
    assert installation.keys() == rotated


def test_two_releases_do_not_touch_each_others_tasks(
    cluster: Cluster, installation: Installation, in_flight: TaskResult[..., str]
) -> None:
    before = installation.outcomes_taken()
    with installed(cluster) as other:
        assert other.keys()["key"] not in installation.keys().values()
        with enqueueing_into(other):
            assert finish(probes.add.enqueue(1, 2)).return_value == 3
        assert (other.outcomes_taken(), installation.outcomes_taken()) == (1, before)
        for one, another in ((installation, other), (other, installation)):
            account = f"system:serviceaccount:{one.kubectl.namespace}:{NAME}"
            assert can_i(cluster.kubectl(one.watched), account, "create", "pods")
            assert not can_i(cluster.kubectl(another.watched), account, "create", "pods")
        pods = installation.pods()
        other.uninstall("--wait")
        assert installation.pods() == pods


def test_uninstalling_leaves_nothing_behind(cluster: Cluster, installation: Installation, tasks: Kubectl) -> None:
    there = installation.kubectl("get", KINDS, *OF_RELEASE).split()
    assert len(there) > 8, there
    assert tasks("get", KINDS, *OF_RELEASE).split()
    installation.uninstall("--wait")

    def left() -> bool | None:
        return not (installation.kubectl("get", KINDS, *OF_RELEASE) + tasks("get", KINDS, *OF_RELEASE)).split() or None

    wait_for("nothing of the release is left", left, seconds=FINISH_SECONDS)
    # Made by the replicas, and of no use to anybody; a new installation goes on with it.
    assert installation.kubectl("get", "leases", "-o", "name").split() == [f"lease.coordination.k8s.io/{NAME}"]
