"""The backend against a real API server: what is stored, what is refused, and what is said then."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core import checks
from django.tasks import default_task_backend, task_backends
from django.tasks.exceptions import TaskResultDoesNotExist
from django.test import override_settings

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube import api_server
from django_tasks_kubernetes.stores.cluster import connect
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from tests.unit.backend import tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

VERBS = ["create", "get", "list", "watch", "patch"]


def settings(kubeconfig: Path, namespace: str, **options: Any) -> override_settings:
    options = {"KUBECONFIG": str(kubeconfig), "NAMESPACE": namespace, "RETRIES": 0} | options
    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    return override_settings(TASKS={"default": backend})


@pytest.fixture
def web(cluster: Cluster, namespace: str) -> Iterator[None]:
    """A web process with an administrator's credentials. No operator is at work: tasks stay as they are."""
    with settings(cluster.kubeconfig, namespace):
        yield


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((), {}),
        ((2**63 + 1, -0.0, 1e-320, None, True), {"nested": {"a": [[], {}]}}),
        (("\ud800", "\x00", "$(HOME) $$", "ü😀", "</script>"), {"ключ": "'\"\\"}),
    ],
)
def test_what_is_enqueued_is_read_back(args: Any, kwargs: Any) -> None:
    later = datetime.now(UTC) + timedelta(days=365)
    result = tasks.echo.using(priority=-100, queue_name="mail", run_after=later).enqueue(*args, **kwargs)
    assert tasks.echo.get_result(result.id) == result


@pytest.mark.usefixtures("web")
def test_the_largest_payload() -> None:
    text = "x" * (PAYLOAD_MAX_BYTES - len('{"args":[""],"kwargs":{}}'))
    result = tasks.echo.enqueue(text)
    assert tasks.echo.get_result(result.id).args == [text]


@pytest.mark.usefixtures("web")
def test_a_repeated_creation_makes_no_second_task(kubectl: Kubectl) -> None:
    backend: Any = task_backends["default"]
    result = tasks.echo.enqueue(1)
    resource = json.loads(kubectl("get", "djangotask", result.id, "-o", "json"))
    client = connect(backend.parsed_options).client
    client.create({key: resource[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": {"name": result.id}})
    with pytest.raises(e.TaskRefused, match="already exists"):
        client.create(resource | {"metadata": {"name": result.id}, "spec": resource["spec"] | {"task": "another.task"}})


@pytest.mark.usefixtures("web")
@pytest.mark.parametrize("id_", ["gone", "00000000-0000-4000-8000-000000000000"])
def test_a_result_that_is_not_there(id_: str) -> None:
    with pytest.raises(TaskResultDoesNotExist):
        default_task_backend.get_result(id_)


@pytest.mark.usefixtures("web")
def test_what_the_schema_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing of this project's own lets it get that far.
    monkeypatch.setattr("django_tasks_kubernetes.codec.encode.int", lambda priority: 101, raising=False)
    with pytest.raises(e.TaskRefused, match=r"\(422\).*spec.priority.*should be less than or equal to 100"):
        tasks.echo.enqueue()


def test_a_service_account_with_the_documented_role(
    kubeconfig_of: Callable[[str, list[str]], Path], namespace: str
) -> None:
    with settings(kubeconfig_of("web", VERBS), namespace):
        result = tasks.echo.enqueue(1)
        assert tasks.echo.get_result(result.id) == result
        assert checks.run_checks(tags=["tasks"], include_deployment_checks=True) == []


def test_a_service_account_without_a_role(kubeconfig_of: Callable[[str, list[str]], Path], namespace: str) -> None:
    with settings(kubeconfig_of("nobody", []), namespace):
        with pytest.raises(
            e.PermissionDenied, match=r'"system:serviceaccount:.*:nobody" cannot create resource'
        ) as caught:
            tasks.echo.enqueue()
        assert f"kubectl create role djangotasks-enqueue -n {namespace}" in str(caught.value)
        with pytest.raises(e.PermissionDenied, match="cannot get resource"):
            default_task_backend.get_result("any")
        (found,) = checks.run_checks(tags=["tasks"], include_deployment_checks=True)
    assert found.id == "djangotasks.E013"


def test_a_role_that_lacks_a_verb(kubeconfig_of: Callable[[str, list[str]], Path], namespace: str) -> None:
    with settings(kubeconfig_of("half", ["create", "get"]), namespace):
        found = checks.run_checks(tags=["tasks"], include_deployment_checks=True)
    assert [message.msg.split()[6] for message in found] == ["list", "watch", "patch"]


def test_waiting_without_the_right_to_watch(kubeconfig_of: Callable[[str, list[str]], Path], namespace: str) -> None:
    with settings(kubeconfig_of("unaware", ["create", "get", "list"]), namespace):
        result: Any = tasks.echo.enqueue(1)
        with pytest.raises(e.PermissionDenied, match=r"cannot watch resource .* kubectl create role"):
            result.wait(60)


def test_credentials_that_nobody_knows(cluster: Cluster, namespace: str, tmp_path: Path, kubectl: Kubectl) -> None:
    document = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    document["users"] = [{"name": document["users"][0]["name"], "user": {"token": "expired"}}]
    (tmp_path / "stranger").write_text(json.dumps(document))
    with settings(tmp_path / "stranger", namespace), pytest.raises(e.NotAuthenticated, match="kubectl auth whoami"):
        tasks.echo.enqueue()


def test_a_namespace_that_is_not_there(cluster: Cluster) -> None:
    with (
        settings(cluster.kubeconfig, "djt-not-there"),
        pytest.raises(e.NamespaceNotFound, match="'djt-not-there' does not exist"),
    ):
        tasks.echo.enqueue()


def test_a_cluster_without_the_kind(cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another version is to the server what no CRD at all would be.
    monkeypatch.setattr(api_server, "VERSION", "v0")
    # Another timeout, so that no client made earlier is found.
    options = Options(namespace=namespace, kubeconfig=str(cluster.kubeconfig), retries=0, request_timeout=9.5)
    with pytest.raises(e.CrdNotInstalled, match="kubectl apply -f crds/"):
        connect(options).client.try_create()
    with pytest.raises(e.CrdNotInstalled):
        connect(options).get("any")


def test_a_field_that_the_cluster_does_not_know(cluster: Cluster, namespace: str) -> None:
    client = connect(Options(namespace=namespace, kubeconfig=str(cluster.kubeconfig), retries=0)).client
    resource = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTask",
        "metadata": {"name": "newer"},
        "spec": {"task": "a.b", "fromTheFuture": 1},
    }
    with pytest.raises(e.TaskRefused, match=r"older than this backend: .*fromTheFuture"):
        client.create(resource)
