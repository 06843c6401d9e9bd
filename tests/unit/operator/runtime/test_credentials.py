"""Where the operator finds the API server and its credentials."""

from pathlib import Path

import kopf
import pytest

from djangotasks_operator.runtime.credentials import login

INFO = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="secret")


@pytest.mark.parametrize(
    ("host", "server"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_a_pod_connects_by_address(monkeypatch: pytest.MonkeyPatch, host: str, server: str) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: INFO)
    info = login()
    assert (info.server, info.token) == (server, "secret")


def kubeconfig(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    path = folder / "kubeconfig"
    if text is not None:
        path.write_text(text)
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: None)
    monkeypatch.setenv("KUBECONFIG", str(path))


def test_outside_of_a_pod_the_kubeconfig_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
current-context: here
contexts: [{name: here, context: {cluster: c, user: u, namespace: shop}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: u, user: {token: secret}}]
"""
    kubeconfig(tmp_path, monkeypatch, text)
    info = login()
    assert (info.server, info.token, info.default_namespace) == ("https://127.0.0.1:6443", "secret", "shop")


@pytest.mark.parametrize("text", [None, "current-context: away\ncontexts: []\nclusters: []\nusers: []\n"])
def test_a_kubeconfig_that_cannot_be_used_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    kubeconfig(tmp_path, monkeypatch, text)
    with pytest.raises(kopf.LoginError, match=r"kubeconfig"):
        login()


def test_without_any_credentials_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: None)
    monkeypatch.setattr(kopf, "login_with_kubeconfig", lambda **_: None)
    with pytest.raises(kopf.LoginError, match="Set KUBECONFIG, or run in a pod"):
        login()
