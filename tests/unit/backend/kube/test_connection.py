"""Which way to the tasks a process takes: what is configured counts, and in a task's pod the operator where nothing is."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube import connection, own_attempt
from django_tasks_kubernetes.kube.connection import connect, is_configured
from djangotasks_api.assignment import Assignment
from tests.unit.backend.kube.test_client import kubeconfig


def attempt(url: str = "http://10.0.0.1:8080", **changes: object) -> Assignment:
    fields: dict[str, object] = {
        "id": "t1", "namespace": "shop", "uid": "u-1", "attempt": 2, "worker_id": "t1-2", "task": "a.b", "queue": "mail",
        "backend": "default", "priority": 0, "enqueued_at": "", "run_after": None, "worker_ids": (), "started_at": None,
        "url": url, "token": "the-token", "payload": "{}",
    }  # fmt: skip
    return Assignment(**fields | changes)  # type: ignore[arg-type]  # fields of any type


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without any credentials."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(connection, "SERVICE_TOKEN", tmp_path / "token")
    return tmp_path


@pytest.fixture
def in_a_tasks_pod(bare: Path) -> Iterator[Path]:
    own_attempt.enter(attempt())
    yield bare
    own_attempt.leave()


def test_a_tasks_pod_without_credentials_asks_the_operator(in_a_tasks_pod: Path) -> None:
    made = connect(Options())
    assert (made.server, made.namespace) == ("http://10.0.0.1:8080", "shop")
    assert made.tasks_path == "/v1/attempts/shop/t1/u-1/2/tasks"


def test_what_is_configured_in_a_tasks_pod_counts(in_a_tasks_pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kubeconfig(in_a_tasks_pod, "http://127.0.0.1:1", "web")
    assert connect(Options(kubeconfig=path)).server == "http://127.0.0.1:1"
    monkeypatch.setenv("KUBECONFIG", f"/none:{path}")
    assert connect(Options()).namespace == "web"


def test_a_mounted_token_in_a_tasks_pod_counts(in_a_tasks_pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert not is_configured(Options())
    (in_a_tasks_pod / "token").write_text("x")
    assert is_configured(Options())


def test_nothing_is_configured_on_a_bare_machine(bare: Path) -> None:
    assert not is_configured(Options())
    (bare / ".kube").mkdir()
    (bare / ".kube" / "config").touch()
    assert is_configured(Options())
    assert is_configured(Options(context="one"))
