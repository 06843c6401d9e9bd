"""What is said of each refusal: its cause, and what to do."""

import socket
import time
from pathlib import Path

import pytest
from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube.api_server import ApiServer
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.stores.queues import QueueStore
from tests.unit.backend.kube.test_client import NO_ROLE, RESOURCE, answers, kubeconfig, status
from tests.unit.backend.web_server import Answer, Server


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (status(401, "Unauthorized"), e.NotAuthenticated, "kubectl auth whoami"),
        (status(403, NO_ROLE), e.PermissionDenied, "kubectl create role djangotasks-enqueue -n shop --verb=create,"),
        (status(403, NO_ROLE), e.PermissionDenied, "with serviceAccounts: [web]. Or without"),
        (status(403, NO_ROLE), e.PermissionDenied, "--serviceaccount=shop:web."),
        (status(403, NO_ROLE.replace("shop:web", "front:web")), e.PermissionDenied, "--serviceaccount=front:web."),
        (status(403, NO_ROLE.replace("system:serviceaccount:shop:web", "jane")), e.PermissionDenied, "--user=jane."),
        (
            status(403, NO_ROLE.replace("cannot create", "cannot delete")),
            e.PermissionDenied,
            "admin.delete: true of the chart djangotasks-web-app. Or without the chart: kubectl create role djangotasks-d",
        ),
        (status(403, 'forbidden: exceeded quota: q, cannot "x"'), e.TaskRefused, "exceeded quota: q"),
        (status(403, "namespace is being terminated"), e.TaskRefused, "being terminated"),
        (
            status(404, 'namespaces "shop" not found', kind="namespaces", name="shop"),
            e.NamespaceNotFound,
            "'shop' does",
        ),
        ((404, b"404 page not found\n", {}), e.CrdNotInstalled, "(404 page not found). Install"),
        (status(404, "the server could not find the requested resource"), e.CrdNotInstalled, "kubectl apply -f crds/"),
        (status(400, 'strict decoding error: unknown field "spec.x"'), e.TaskRefused, "older than this backend"),
        (status(400, 'admission webhook "w" denied the request'), e.TaskRefused, "denied the request"),
        (status(422, "spec.queue: Invalid value"), e.TaskRefused, "(422): spec.queue: Invalid value"),
        (status(413, "x" * 5000), e.TaskRefused, "x" * 2000 + "…"),
        (status(503, "etcd is away"), e.ApiUnavailable, "(503): etcd is away"),
        (
            (502, b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", {}),
            e.ApiUnavailable,
            "but something before it, with a web page (502): 502 Bad Gateway. Look for a proxy or a load balancer",
        ),
        ((404, b"<html>", {}), e.ApiUnavailable, "with a web page (404). Look"),
        ((302, b"", {"Location": "http://evil.example/"}), e.ApiUnavailable, "(302)"),
        ((200, b"Welcome, guest!", {}), e.ApiUnavailable, "with what is not JSON (200): Welcome, guest!"),
    ],
)
def test_client_errors_name_cause_and_remedy(
    server: Server, client: Client, answer: Answer, error: type[TaskException], words: str
) -> None:
    server.answer = answers(answer)
    with pytest.raises(error) as caught:
        client.create(RESOURCE)
    assert words in str(caught.value)
    assert isinstance(caught.value, e.KubernetesBackendError)


def test_a_missing_workflow_is_no_missing_crd(server: Server, client: Client) -> None:
    words = 'djangotaskworkflows.djangotasks.dev "w1" not found'
    server.answer = answers(status(404, words, kind="djangotaskworkflows", name="w1"))
    with pytest.raises(TaskResultDoesNotExist, match="w1"):
        client.workflows().get("w1")
    assert server.requests[-1].path.endswith("/djangotaskworkflows/w1")


def test_get_tells_a_missing_task_from_a_missing_crd(server: Server, client: Client) -> None:
    server.answer = answers(status(404, 'djangotasks.djangotasks.dev "t1" not found', kind="djangotasks", name="t1"))
    with pytest.raises(TaskResultDoesNotExist, match="t1"):
        client.get("t1")
    server.answer = answers((404, b"404 page not found\n", {}))
    with pytest.raises(e.CrdNotInstalled):
        client.get("t1")


def test_the_definition_that_is_missing_is_the_one_that_is_named(
    server: Server, client: Client, tmp_path: Path
) -> None:
    """Of an installation that is half as new, some are there."""
    server.answer = answers((404, b"404 page not found\n", {}))
    with pytest.raises(e.CrdNotInstalled, match=r"know djangotasks\.djangotasks\.dev"):
        client.get("t1")
    with pytest.raises(e.CrdNotInstalled, match=r"know djangotaskworkflows\.djangotasks\.dev"):
        client.workflows().get("w1")
    options = Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, server.url), retries=0)
    with pytest.raises(e.CrdNotInstalled, match=r"know djangotaskqueues\.djangotasks\.dev"):
        list(QueueStore(ApiServer(options)).find())


def test_client_error_when_the_port_is_closed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    options = Options(namespace="shop", kubeconfig=kubeconfig(tmp_path, f"http://127.0.0.1:{port}"), retries=0)
    with pytest.raises(e.ApiUnavailable, match=rf"127.0.0.1:{port} gave no answer: .*refused.*kubectl get"):
        Client(options).create(RESOURCE)


def test_client_error_when_the_server_is_slow(server: Server, options: Options) -> None:
    server.answer = lambda request: time.sleep(0.3)
    client = Client(Options(options.namespace, options.kubeconfig, request_timeout=0.1, retries=0))
    with pytest.raises(e.ApiUnavailable, match="timed out") as caught:
        client.create(RESOURCE)
    (note,) = caught.value.__notes__
    assert note.endswith("the task exists as t1.")
