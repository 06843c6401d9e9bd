"""What is kubectl's own: its flags and its completion."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from django_tasks_kubernetes.cli import kubectl
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server


def kube(cluster: Server, folder: Path, *words: str, namespace: str | None = None) -> int:
    return kubectl.main([*words, "--kubeconfig", kubeconfig(folder, cluster.url, namespace=namespace)])


def test_kubectl_retry_copies_no_file_of_the_project(
    cluster: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kube(cluster, tmp_path, "retry", "stored") == 1
    assert "manage.py tasks retry stored" in capfd.readouterr().err
    assert not [request for request in cluster.requests if request.method == "POST"]


@pytest.mark.parametrize(
    ("words", "namespace"),
    [
        (["list"], "namespaces/from-context/djangotasks"),
        (["list", "-n", "mine"], "namespaces/mine/djangotasks"),
        (["-n", "outer", "list"], "namespaces/outer/djangotasks"),
        (["-n", "outer", "list", "-n", "inner"], "namespaces/inner/djangotasks"),
        (["list", "--context", "two"], "namespaces/second/djangotasks"),
        (["list", "-A"], "v1alpha1/djangotasks"),
        (["list", "-A", "-n", "mine"], "v1alpha1/djangotasks"),
        (["schedules", "list"], "namespaces/from-context/djangotaskschedules"),
        (["-n", "outer", "schedules", "list"], "namespaces/outer/djangotaskschedules"),
        (["-n", "outer", "schedules", "-n", "middle", "list"], "namespaces/middle/djangotaskschedules"),
        (["schedules", "-n", "middle", "list", "-n", "inner"], "namespaces/inner/djangotaskschedules"),
        (["schedules", "list", "-A"], "v1alpha1/djangotaskschedules"),
        (["-n", "outer", "holds"], "namespaces/outer/djangotaskqueues"),
        (["holds", "-A"], "v1alpha1/djangotaskqueues"),
        (["workflows", "list"], "namespaces/from-context/djangotaskworkflows"),
        (["-n", "outer", "workflows", "list"], "namespaces/outer/djangotaskworkflows"),
        (["workflows", "list", "-A"], "v1alpha1/djangotaskworkflows"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_kubectl_flags_choose_the_namespace(cluster: Server, tmp_path: Path, words: list[str], namespace: str) -> None:
    assert kube(cluster, tmp_path, *words, namespace="from-context") == 0
    path = urlsplit(cluster.requests[-1].path).path
    assert path.endswith(namespace)
    assert ("namespaces" in path) is ("namespaces" in namespace)


def test_kubectl_list_of_all_namespaces_names_each(
    cluster: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kube(cluster, tmp_path, "list", "-A", "-o", "wide") == 0
    heading, *rows = capfd.readouterr().out.splitlines()
    assert heading.startswith("NAMESPACE  ID")
    assert "FINISHED" in heading
    assert all(row.startswith("shop       ") for row in rows)
    assert kube(cluster, tmp_path, "list", "-o", "name") == 0
    assert capfd.readouterr().out.splitlines() == [f"djangotask.djangotasks.dev/{name}" for name in ("stored", "one")]


@pytest.mark.parametrize(
    ("words", "err"),
    [
        (["list", "-n", "../x"], "cannot be a namespace"),
        (["watch", "one", "-A"], "Ids are of one namespace"),
        (["list", "--context", "no-such"], "No usable credentials"),
        (["frobnicate"], "No such command"),
        (["show"], "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_kubectl_refuses_wrong_usage(
    cluster: Server, tmp_path: Path, words: list[str], err: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert kube(cluster, tmp_path, *words) in (1, 2)
    assert err in capfd.readouterr().err


def test_kubectl_completes_verbs_ids_and_statuses(
    cluster: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, cluster.url))
    assert [line.partition("\t")[0] for line in kubectl.complete(["l"])] == ["list", "logs", ":4"]
    assert list(kubectl.complete(["show", "-n", "shop", "o"])) == ["one", ":4"]
    assert list(kubectl.complete(["list", "--status", "ca"])) == ["cancelled", ":4"]
    assert list(kubectl.complete(["hold", ""])) == ["mail", "reports", ":4"]
    assert list(kubectl.complete(["release", "r"])) == ["reports", ":4"]
    assert [line.partition("\t")[0] for line in kubectl.complete(["schedules", "s"])] == ["suspend", ":4"]
    assert list(kubectl.complete(["schedules", "run", "ni"])) == ["nightly", ":4"]
    assert list(kubectl.complete(["workflows", "show", "f"])) == ["flow", ":4"]
    assert list(kubectl.complete(["workflows", "logs", "flow", "r"])) == ["render", ":4"]
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert list(kubectl.complete(["show", "o"])) == [":4"], "what cannot be had is no reason to complain"


def test_kubectl_takes_the_kubeconfig_of_the_environment(
    cluster: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, cluster.url))
    assert kubectl.main(["list"]) == 0
    assert "/namespaces/default/djangotasks?" in cluster.requests[-1].path
