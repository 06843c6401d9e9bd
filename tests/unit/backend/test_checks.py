"""System checks: of the settings always, of the cluster with --deploy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import checks
from django.tasks.checks import check_tasks
from django.test import override_settings

from tests.unit.backend.conftest import Answer, Request, Server
from tests.unit.backend.test_client import NO_ROLE, kubeconfig, status

BACKEND = "django_tasks_kubernetes.KubernetesBackend"


def settings(alias: str = "default", **params: Any) -> override_settings:
    return override_settings(TASKS={alias: {"BACKEND": BACKEND} | params})


def test_good_settings() -> None:
    assert list(check_tasks()) == []


@pytest.mark.parametrize(
    ("params", "id_", "message", "hint"),
    [
        (
            {"OPTIONS": {"RETRY": 1}},
            "E001",
            "RETRY is not an option. Did you mean RETRIES?",
            "TASKS['default']['OPTIONS']",
        ),
        ({"OPTIONS": {"RETRIES": -1}}, "E001", "RETRIES must be a whole number", "OPTIONS"),
        ({"QUEUES": ["default", "Send_Mail"]}, "E002", "Queue 'Send_Mail' cannot be", "TASKS['default']['QUEUES']"),
        ({"QUEUES": [1]}, "E002", "Queue 1 cannot be", "QUEUES"),
        (
            {"OPTIONS": {"ENQUEUE": "later"}},
            "E001",
            "ENQUEUE must be one of immediate, on_commit, outbox, not",
            "OPTIONS",
        ),
        ({"OPTIONS": {"DATABASE": "other"}}, "E001", "DATABASE must be an alias of DATABASES, not 'other'", "OPTIONS"),
        ({"OPTIONS": {"STORAGE": "other"}}, "E001", "STORAGE must be an alias of STORAGES, not 'other'", "OPTIONS"),
        ({"OPTIONS": {"STORAGE_MAX_BYTES": 1e9}}, "E001", "STORAGE_MAX_BYTES must be a whole number from 0", "OPTIONS"),
        ({"alias": "x" * 254}, "E003", "The alias must have 1 to 253 characters.", "TASKS"),
    ],
)
def test_wrong_settings(params: dict[str, Any], id_: str, message: str, hint: str) -> None:
    with settings(**params):
        (found,) = list(check_tasks())
    assert found.id == f"djangotasks.{id_}"
    assert message in found.msg
    assert hint in (found.hint or "")


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.checks.find_spec", lambda name: None)
    (found,) = list(check_tasks())
    assert (found.id, found.hint) == ("djangotasks.E004", "Install it: pip install kubernetes.")


def deploy(server: Server, folder: Path, **more: Any) -> list[checks.CheckMessage]:
    options = {"KUBECONFIG": kubeconfig(folder, server.url), "NAMESPACE": "shop", "RETRIES": 0} | more
    with settings(OPTIONS=options):
        return checks.run_checks(tags=["tasks"], include_deployment_checks=True)


def cluster(creation: Answer, denied: tuple[str, ...] = ()) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        if request.path.endswith("selfsubjectaccessreviews"):
            allowed = request.body["spec"]["resourceAttributes"]["verb"] not in denied
            return 201, {"status": {"allowed": allowed}}, {}
        assert request.path.endswith("/djangotasks?dryRun=All")
        return creation

    return answer


def test_without_deploy_nothing_is_asked(server: Server, tmp_path: Path) -> None:
    with settings(OPTIONS={"KUBECONFIG": kubeconfig(tmp_path, server.url)}):
        assert checks.run_checks() == []
    assert server.requests == []


def test_a_good_cluster(server: Server, tmp_path: Path) -> None:
    server.answer = cluster((201, {}, {}))
    assert deploy(server, tmp_path) == []


@pytest.mark.parametrize(
    ("creation", "id_", "message", "hint"),
    [
        (status(503, "down"), "E011", "is not able to answer (503): down.", "kubectl get --raw /readyz"),
        (status(401, "Unauthorized"), "E012", "does not accept the credentials", "kubectl auth whoami"),
        (status(403, NO_ROLE), "E013", 'cannot create resource "djangotasks"', "kubectl create role"),
        ((404, b"404 page not found", {}), "E014", "does not know djangotasks", "kubectl apply -f crds/"),
        (status(404, "no", kind="namespaces"), "E015", "The namespace 'shop' does not exist", "OPTIONS['NAMESPACE']"),
        (status(422, "no"), "E016", "refused the task (422): no", ""),
    ],
)
def test_what_enqueue_would_meet(
    server: Server, tmp_path: Path, creation: Answer, id_: str, message: str, hint: str
) -> None:
    server.answer = cluster(creation)
    (found,) = deploy(server, tmp_path)
    assert found.id == f"djangotasks.{id_}"
    assert message in found.msg
    assert hint in (found.hint or "")


def test_a_role_that_lacks_verbs(server: Server, tmp_path: Path) -> None:
    server.answer = cluster((201, {}, {}), denied=("get", "watch"))
    found = deploy(server, tmp_path)
    assert [message.id for message in found] == ["djangotasks.E013"] * 2
    assert "do not allow to get DjangoTasks in namespace shop, which get_result() needs" in found[0].msg


def test_the_storage_is_tried(server: Server, tmp_path: Path) -> None:
    server.answer = cluster((201, {}, {}))
    location = tmp_path / "files"
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(location)}}
    with override_settings(STORAGES=django_settings.STORAGES | {"tasks": storage}):
        assert deploy(server, tmp_path, STORAGE="tasks") == []
        assert list(location.rglob("*.json")) == []
        (location / "djangotasks").rename(tmp_path / "moved")
        (location / "djangotasks").write_text("in the way")
        (found,) = deploy(server, tmp_path, STORAGE="tasks")
    assert found.id == "djangotasks.E017"
    assert "The storage 'tasks' did not take a file" in found.msg


def test_no_kubeconfig(tmp_path: Path) -> None:
    with settings(OPTIONS={"KUBECONFIG": str(tmp_path / "none")}):
        (found,) = checks.run_checks(tags=["tasks"], include_deployment_checks=True)
    assert found.id == "djangotasks.E010"


def test_an_outbox_without_a_table() -> None:
    with settings(OPTIONS={"ENQUEUE": "outbox"}):
        assert list(check_tasks()) == []
        with override_settings(INSTALLED_APPS=[]):
            (found,) = check_tasks()
    assert (found.id, "manage.py migrate" in str(found.hint)) == ("djangotasks.E005", True)
