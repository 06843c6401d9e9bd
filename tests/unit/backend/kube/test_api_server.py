"""Credentials that the API server refuses are read again: see https://github.com/kubernetes-client/python/issues/741.
And what is said of a proxy that cannot be used."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from django_tasks_kubernetes import exceptions as e
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.kube import api_server
from django_tasks_kubernetes.kube.client import Client
from django_tasks_kubernetes.kube.credentials import load_configuration
from tests.unit.backend.kube.test_client import RESOURCE, kubeconfig, status
from tests.unit.backend.web_server import Answer, Request, Server


def taking(token: str) -> Callable[[Request], Answer]:
    """Answers those who have this token."""
    found: Answer = (200, RESOURCE, {})
    return lambda request: found if request.headers["authorization"] == f"Bearer {token}" else status(401, "expired")


def change(path: Path, **user: Any) -> None:
    document = json.loads(path.read_text())
    document["users"][0]["user"] = user
    path.write_text(json.dumps(document))


@pytest.fixture
def path(server: Server, tmp_path: Path) -> Path:
    """Of a kubeconfig whose token is in a file, as that of a projected volume."""
    path = Path(kubeconfig(tmp_path, server.url))
    (tmp_path / "token").write_text("first")
    change(path, tokenFile=str(tmp_path / "token"))
    return path


@pytest.fixture
def client(path: Path) -> Client:
    return Client(Options(namespace="shop", kubeconfig=str(path)))


def tokens(server: Server) -> list[str]:
    return [request.headers["authorization"].removeprefix("Bearer ") for request in server.requests]


def test_a_token_file_that_was_renewed_is_read(server: Server, client: Client, tmp_path: Path) -> None:
    server.answer = taking("first")
    client.get("t1")
    (tmp_path / "token").write_text("second")
    server.answer = taking("second")
    assert client.get("t1") == client.get("t1") == RESOURCE
    assert tokens(server) == ["first", "first", "second", "second"]


def test_a_watch_begins_with_the_renewed_token(server: Server, client: Client, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("second")
    server.answer = taking("second")
    response = client.watch("1")
    assert response is not None
    response.close()
    assert tokens(server) == ["first", "second"]


def test_what_stays_refused_is_said_and_asked_for_once(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Options] = []

    def counted(options: Options) -> Any:
        loads.append(options)
        return load_configuration(options)

    monkeypatch.setattr(api_server, "load_configuration", counted)
    server.answer = taking("none")
    for _ in range(3):
        with pytest.raises(e.NotAuthenticated):
            client.get("t1")
    assert (len(loads), len(server.requests)) == (1, 4)


@pytest.mark.parametrize("text", ["", "another"])
def test_credentials_of_nothing_or_of_another_cluster_are_not_taken(
    server: Server, client: Client, path: Path, text: str
) -> None:
    path.write_text(path.read_text().replace(server.url, "http://127.0.0.1:1") if text else "")
    server.answer = taking("second")
    with pytest.raises(e.NotAuthenticated):
        client.get("t1")
    assert tokens(server) == ["first"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("10.0.0.1:3128", "no scheme"),
        ("jane:s3cret@10.0.0.1:3128", "cannot be used"),
        ("http://jane:s3cret@[proxy:3128", "its address cannot be read"),
        ("http://jane:s3cret@proxy:port", "cannot be used"),
        ("socks5://jane:s3cret@127.0.0.1:1", r"pip install 'urllib3\[socks\]'"),
    ],
)
@pytest.mark.filterwarnings("ignore:SOCKS support")
def test_a_proxy_that_cannot_be_used_is_an_error_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, words: str
) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    monkeypatch.setenv("HTTPS_PROXY", address)
    monkeypatch.delenv("https_proxy", raising=False)
    options = Options(kubeconfig=kubeconfig(tmp_path, "https://api.example:6443"))
    with pytest.raises(e.ClusterNotConfigured, match=words) as caught:
        Client(options)
    assert "s3cret" not in str(caught.value)
