"""Where the credentials and the namespace come from."""

import inspect
import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube import credentials
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.kube.credentials import headers_of, load_configuration
from djangotasks_api.assignment import WORKER_VARIABLE
from tests.unit.backend import tasks
from tests.unit.backend.kube.test_client import kubeconfig

DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize(
    ("of_options", "of_context", "expected"), [("a", "b", "a"), (None, "b", "b"), (None, None, "default")]
)
def test_namespace_of_options_or_context(
    tmp_path: Path, of_options: str | None, of_context: str | None, expected: str
) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1", of_context)
    assert Client(Options(namespace=of_options, kubeconfig=path)).namespace == expected


def test_credentials_of_another_context(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "http://127.0.0.1")
    assert Client(Options(kubeconfig=path, context="two")).namespace == "second"


@pytest.mark.parametrize("current", [None, "", "gone"], ids=["none", "empty", "one that is gone"])
def test_a_context_that_is_named_needs_no_current_one(tmp_path: Path, current: str | None) -> None:
    path = Path(kubeconfig(tmp_path, "http://127.0.0.1"))
    document = {name: value for name, value in json.loads(path.read_text()).items() if name != "current-context"}
    path.write_text(json.dumps(document if current is None else document | {"current-context": current}))
    assert Client(Options(kubeconfig=str(path), context="two")).namespace == "second"
    with pytest.raises(e.ClusterNotConfigured, match="No usable credentials"):
        Client(Options(kubeconfig=str(path)))


def test_credentials_of_several_kubeconfigs_are_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = json.loads(Path(kubeconfig(tmp_path, "http://127.0.0.1:1")).read_text())
    parts = [tmp_path / name for name in ("contexts", "not-there", "others")]
    parts[0].write_text(json.dumps({name: document[name] for name in ("apiVersion", "kind", "contexts")}))
    parts[2].write_text(json.dumps({name: value for name, value in document.items() if name != "contexts"}))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, parts)))
    configuration, namespace = load_configuration(Options(context="two"))
    assert (configuration.host, namespace) == ("http://127.0.0.1:1", "second")


def test_credentials_from_the_environments_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path, "http://127.0.0.1", "from-env"))
    assert Client(Options()).namespace == "from-env"


@pytest.fixture
def in_pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("token", "first"), ("namespace", "own"), ("ca.crt", "-")):
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    loader = "kubernetes.config.incluster_config"
    monkeypatch.setattr(f"{loader}.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(f"{loader}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(credentials, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(credentials, "NAMESPACE_FILE", tmp_path / "namespace")
    return tmp_path


def test_credentials_in_a_pod_are_the_service_accounts(in_pod: Path) -> None:
    configuration, namespace = load_configuration(Options())
    assert (configuration.host, namespace) == ("https://10.0.0.1:443", "own")
    settings: Any = configuration.auth_settings()
    assert settings["BearerToken"]["value"] == "bearer first"


def test_a_token_that_cannot_be_renewed_is_said_as_one_that_is_missing(in_pod: Path) -> None:
    """For the relay it is then a cluster that takes nothing for now, and not the end of the process."""
    configuration, _ = load_configuration(Options())
    hook: Any = configuration.refresh_api_key_hook
    loader = inspect.getclosurevars(hook).nonlocals["self"]
    loader.token_expires_at -= timedelta(hours=1)
    (in_pod / "token").write_text("second")
    assert headers_of(configuration) == {"authorization": "bearer second"}
    loader.token_expires_at -= timedelta(hours=1)
    (in_pod / "token").write_text("")
    with pytest.raises(e.ClusterNotConfigured, match="Token file exists but empty"):
        headers_of(configuration)


def test_credentials_in_a_pod_with_a_given_kubeconfig(in_pod: Path) -> None:
    path = kubeconfig(in_pod, "http://127.0.0.1:1")
    assert load_configuration(Options(kubeconfig=path))[0].host == "http://127.0.0.1:1"


@pytest.mark.parametrize("text", [None, "", "{", "{}", "[1]"], ids=str)
def test_credentials_without_a_usable_kubeconfig(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(e.ClusterNotConfigured, match=r"OPTIONS\['KUBECONFIG'\], \$KUBECONFIG or ~/.kube/config"):
        Client(Options(kubeconfig=str(path)))


def test_credentials_of_an_unknown_context(tmp_path: Path) -> None:
    with pytest.raises(e.ClusterNotConfigured, match="three"):
        Client(Options(kubeconfig=kubeconfig(tmp_path, "http://127.0.0.1"), context="three"))


def test_enqueue_in_a_program_that_a_task_starts_says_why_it_may_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv(WORKER_VARIABLE, "t1-1")
    with pytest.raises(e.ClusterNotConfigured) as caught:
        tasks.echo.enqueue()
    message = str(caught.value)
    assert message.startswith("This process was started by a task, in its pod.")
    assert "get_context('fork')" in message
    for way in ("call_command()", "OPTIONS['ENQUEUE'] = 'outbox'", "manage.py relay_tasks"):
        assert way in message
    page = re.search(r"docs/(\S+\.md)", message)
    assert page
    assert (DOCS / page[1]).exists()
