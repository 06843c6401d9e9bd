"""What `manage.py watch_tasks` refuses, and what it warns of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.management import tables
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server


@pytest.fixture(autouse=True)
def two_backends(server: Server, tmp_path: Path) -> Iterator[None]:
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "RETRIES": 0}
    backend = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": [], "OPTIONS": options}
    with override_settings(TASKS={"default": backend, "other": backend}):
        yield


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--backend", "elsewhere"), "TASKS has no backend 'elsewhere'. There are: default, other."),
        (("--database", "default"), "has no table django_tasks_kubernetes_taskend. Run manage.py migrate."),
        (("--once", "--from-now"), "not allowed with argument"),
    ],
)
def test_watch_tasks_refuses_wrong_arguments(
    arguments: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [] if "migrate" in message else ["django_tasks_kubernetes_taskend", "django_tasks_kubernetes_taskhistory"]
    monkeypatch.setattr(tables, "table_names", lambda database: known)
    with pytest.raises(CommandError, match=message):
        call_command("watch_tasks", *arguments)


@pytest.mark.django_db
def test_watch_tasks_warns_where_no_receiver_is_connected(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    server.answer = lambda request: (200, {"metadata": {}, "items": []}, {})
    assert not signals.task_ended.receivers
    call_command("watch_tasks", "--once")
    assert "No receiver of task_ended, task_attempt_failed or workflow_ended is connected" in capsys.readouterr().err


@pytest.mark.django_db
def test_watch_tasks_sends_task_finished_where_it_is_asked_to(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = lambda request: (200, {"metadata": {}, "items": []}, {})
    try:
        call_command("watch_tasks", "--once", "--task-finished")
        assert "No receiver" not in capsys.readouterr().err
    finally:
        assert signals.task_ended.disconnect(signals.send_task_finished)
