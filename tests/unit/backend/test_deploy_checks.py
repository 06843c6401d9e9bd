"""System checks that ask the cluster: `check --deploy`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core import checks
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from django_tasks_kubernetes.codec.times import as_django
from django_tasks_kubernetes.deploy_checks import ENDED
from django_tasks_kubernetes.models import TaskHistory
from tests.unit.backend.kube.test_client import NO_ROLE, kubeconfig, status
from tests.unit.backend.resources import resource
from tests.unit.backend.tables import FakeTables
from tests.unit.backend.test_checks import settings
from tests.unit.backend.web_server import Answer, Request, Server


def deploy(server: Server, folder: Path, **more: Any) -> list[checks.CheckMessage]:
    options = {"KUBECONFIG": kubeconfig(folder, server.url), "NAMESPACE": "shop", "RETRIES": 0} | more
    with settings(OPTIONS=options):
        return checks.run_checks(tags=["tasks"], include_deployment_checks=True, databases=["default"])


def test_deploy_check_runs_only_where_a_database_would_be_asked(server: Server, tmp_path: Path) -> None:
    """As Django asks a database: `check --deploy` passes where an image is built."""
    options = {"KUBECONFIG": kubeconfig(tmp_path, server.url), "NAMESPACE": "shop", "RETRIES": 0}
    with settings(OPTIONS=options):
        checks.run_checks()
        found = checks.run_checks(include_deployment_checks=True)
        # The hint about bytecode is of this machine, which may have none.
        ours = [message.id for message in found if (message.id or "").startswith("djangotasks")]
        assert set(ours) <= {"djangotasks.I004", "djangotasks.W005"}
        assert not server.requests
        checks.run_checks(include_deployment_checks=True, databases=["default"])
    assert server.requests


def cluster(creation: Answer, denied: tuple[str, ...] = ()) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        if request.path.endswith("selfsubjectaccessreviews"):
            allowed = request.body["spec"]["resourceAttributes"]["verb"] not in denied
            return 201, {"status": {"allowed": allowed}}, {}
        assert request.path.endswith("/djangotasks?dryRun=All")
        return creation

    return answer


def test_check_without_deploy_asks_no_cluster(server: Server, tmp_path: Path) -> None:
    with settings(OPTIONS={"KUBECONFIG": kubeconfig(tmp_path, server.url)}):
        assert checks.run_checks() == []
    assert server.requests == []


def test_deploy_check_passes_for_a_good_cluster(server: Server, tmp_path: Path) -> None:
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
def test_deploy_check_reports_what_enqueue_would_raise(
    server: Server, tmp_path: Path, creation: Answer, id_: str, message: str, hint: str
) -> None:
    server.answer = cluster(creation)
    (found,) = deploy(server, tmp_path)
    assert found.id == f"djangotasks.{id_}"
    assert message in found.msg
    assert hint in (found.hint or "")


def test_deploy_check_reports_missing_verbs(server: Server, tmp_path: Path) -> None:
    server.answer = cluster((201, {}, {}), denied=("get", "watch"))
    found = deploy(server, tmp_path)
    assert [message.id for message in found] == ["djangotasks.E013"] * 2
    assert "do not allow to get DjangoTasks in namespace shop, which get_result() needs" in found[0].msg


def test_deploy_check_tries_the_storage(server: Server, tmp_path: Path) -> None:
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


@pytest.mark.django_db
def test_deploy_check_reports_an_outbox_without_its_migrations(server: Server, tmp_path: Path) -> None:
    server.answer = cluster((201, {}, {}))
    assert deploy(server, tmp_path, ENQUEUE="outbox") == []
    MigrationRecorder(connection).record_unapplied("django_tasks_kubernetes", "0001_initial")
    (found,) = deploy(server, tmp_path, ENQUEUE="outbox")
    assert (found.id, "0001_initial" in found.msg) == ("djangotasks.E005", True)


@pytest.mark.django_db
@pytest.mark.parametrize("use_tz", [True, False])
def test_deploy_check_reports_a_history_that_nobody_writes(
    server: Server, tmp_path: Path, settings: Any, use_tz: bool
) -> None:
    settings.USE_TZ = use_tz
    old, new = (datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (60, 1))
    tasks = [
        resource(name, phase="Succeeded", finishedAt=at.isoformat())
        for name, at in (("a", old), ("b", old), ("c", new))
    ]
    tables = FakeTables(*tasks, resource("d", phase="Running"))
    plain = cluster((201, {}, {}))

    def answer(request: Request) -> Answer:
        if request.method != "GET":
            return plain(request)
        return 200, tables.table_page(fields=ENDED, labels="", limit=100, token=None), {}

    server.answer = answer
    (found,) = deploy(server, tmp_path, HISTORY_DAYS=30)
    assert (found.id, found.level) == ("djangotasks.W010", checks.WARNING)
    assert "the history has none of the 2 newest tasks that ended" in found.msg
    assert "manage.py watch_tasks" in (found.hint or "")
    assert deploy(server, tmp_path) == []
    TaskHistory.objects.create(uid="a", task_id="a", backend="default", finished_at=as_django(old))
    assert deploy(server, tmp_path, HISTORY_DAYS=30) == []


def test_deploy_check_without_credentials(tmp_path: Path) -> None:
    with settings(OPTIONS={"KUBECONFIG": str(tmp_path / "none")}):
        (found,) = checks.run_checks(tags=["tasks"], include_deployment_checks=True, databases=["default"])
    assert found.id == "djangotasks.E010"
