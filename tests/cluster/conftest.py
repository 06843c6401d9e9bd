"""What every story on the cluster starts from: a namespace of its own, with an operator at work in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from django.test import override_settings

from tests.support.fixtures import cluster, kubectl, namespace, operator, queue
from tests.support.rights import wait_granted
from tests.support.stage import stage, zygote

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from django.tasks.backends.base import BaseTaskBackend

    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

__all__ = ["cluster", "kubectl", "namespace", "operator", "queue", "stage", "zygote"]

HERE = "tests/cluster/"
TASKS = "djangotasks.djangotasks.dev"
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(HERE):
            item.add_marker(pytest.mark.cluster)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.hookimpl(tryfirst=True)  # before pytest-rerunfailures keeps the module's fixtures for the next try
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """A story that failed leaves its namespace and its operator in any state: whatever runs next has others. The
    fixtures of the session are kept."""
    if item.stash.get(FAILED, False):
        item.stash[FAILED] = False
        item.session._setupstate.teardown_exact(item.session)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def backend(cluster: Cluster, namespace: str, operator: OperatorProcess, queue: str) -> Iterator[BaseTaskBackend]:
    """Django in this process: tasks are enqueued as a web app enqueues them."""
    from django.tasks import task_backends

    options = {"NAMESPACE": namespace, "KUBECONFIG": str(cluster.kubeconfig)}
    with override_settings(
        TASKS={
            "default": {
                "BACKEND": "django_tasks_kubernetes.KubernetesBackend",
                "QUEUES": [],
                "OPTIONS": options,
            }
        }
    ):
        yield task_backends["default"]


@pytest.fixture
def kubeconfig_of(cluster: Cluster, kubectl: Kubectl, tmp_path: Path) -> Callable[[str, list[str]], Path]:
    """A kubeconfig for a new service account that may do `verbs` with DjangoTasks and DjangoTaskWorkflows."""

    def make(name: str, verbs: list[str]) -> Path:
        kubectl("create", "serviceaccount", name)
        if verbs:
            kinds = f"{TASKS},djangotaskworkflows.djangotasks.dev"
            kubectl("create", "role", name, f"--verb={','.join(verbs)}", f"--resource={kinds}")
            kubectl("create", "rolebinding", name, f"--role={name}", f"--serviceaccount={kubectl.namespace}:{name}")
            wait_granted(kubectl, f"system:serviceaccount:{kubectl.namespace}:{name}", verbs[0], TASKS)
        document = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
        document["users"] = [{"name": "u", "user": {"token": kubectl("create", "token", name).strip()}}]
        document["contexts"][0]["context"]["user"] = "u"
        path = tmp_path / name
        path.write_text(json.dumps(document))
        return path

    return make


@pytest.fixture(scope="session", autouse=True)
def _of_the_shop() -> Iterator[None]:
    """This process belongs to the example's project, whose tasks it enqueues."""
    with override_settings(ROOT_URLCONF="shop.urls"):
        yield


@pytest.fixture(autouse=True)
def _show_operator_log(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the operator said during a test is in the report of its failure."""
    if "operator" not in request.fixturenames:
        yield
        return
    process: OperatorProcess = request.getfixturevalue("operator")
    path: Path = process.log_path
    start = path.stat().st_size if path.exists() else 0
    yield
    print(path.read_bytes()[start:].decode(errors="replace")[-8000:])
