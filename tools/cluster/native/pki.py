"""The cluster's certificates and kubeconfigs, made by openssl for this run alone."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

from tools.cluster.commands import run
from tools.cluster.native.layout import API_SERVICE, API_URL, CONTEXT, NODE_ADDRESS, Layout, Node

if TYPE_CHECKING:
    from pathlib import Path

DAYS = "365"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
API_NAMES = (
    f"IP:127.0.0.1,IP:{NODE_ADDRESS},IP:{API_SERVICE},DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
)
USERS = {
    "admin": "/O=system:masters/CN=admin",
    "kube-controller-manager": "/CN=system:kube-controller-manager",
    "kube-scheduler": "/CN=system:kube-scheduler",
    "kube-proxy": "/CN=system:kube-proxy",
}


def create(layout: Layout) -> None:
    """Make the authority, the API server's and the users' certificates, and a kubeconfig for each user."""
    pki = layout.pki
    pki.mkdir(parents=True, mode=0o700)
    # Python 3.13 verifies strictly: a CA without keyUsage is refused.
    run(
        *("openssl", "req", "-x509", *EC, "-keyout", pki / "ca.key", "-out", pki / "ca.crt"),
        *("-subj", "/CN=djangotasks-ca", "-days", DAYS),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext", "subjectKeyIdentifier=hash"),
    )
    run("openssl", "genrsa", "-out", pki / "sa.key", "2048")
    _certificate(pki, "apiserver", "/CN=kube-apiserver", API_NAMES)
    for user, subject in USERS.items():
        _certificate(pki, user, subject)
        _write_kubeconfig(layout, user)


def create_node(layout: Layout, node: Node) -> None:
    """Make a kubelet's certificate, good as client and as server, and its kubeconfig."""
    _certificate(
        layout.pki,
        f"kubelet-{node.name}",
        f"/O=system:nodes/CN=system:node:{node.name}",
        f"DNS:{node.name},IP:{node.address}",
    )
    _write_kubeconfig(layout, f"kubelet-{node.name}")


def _certificate(pki: Path, name: str, subject: str, names: str = "") -> None:
    key, request, certificate = (pki / f"{name}.{end}" for end in ("key", "csr", "crt"))
    run("openssl", "req", *EC, "-keyout", key, "-out", request, "-subj", subject)
    run(
        *("openssl", "x509", "-req", "-in", request, "-CA", pki / "ca.crt", "-CAkey", pki / "ca.key"),
        *("-CAcreateserial", "-out", certificate, "-days", DAYS, "-extfile", "/dev/stdin"),
        stdin=f"subjectAltName={names or f'DNS:{name}'}\n"
        "keyUsage=digitalSignature,keyEncipherment\nauthorityKeyIdentifier=keyid\n",
    )


def _write_kubeconfig(layout: Layout, user: str) -> None:
    path = layout.kubeconfig(user)
    path.touch(mode=0o600)
    pki = layout.pki
    path.write_text(
        kubeconfig(
            user,
            authority=(pki / "ca.crt").read_bytes(),
            certificate=(pki / f"{user}.crt").read_bytes(),
            key=(pki / f"{user}.key").read_bytes(),
        )
    )


def kubeconfig(user: str, *, authority: bytes, certificate: bytes, key: bytes) -> str:
    """Return a kubeconfig that holds its certificates, so that it can be copied (JSON is YAML)."""

    def encoded(data: bytes) -> str:
        return base64.b64encode(data).decode()

    cluster = {"server": API_URL, "certificate-authority-data": encoded(authority)}
    credentials = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": cluster}],
        "users": [{"name": user, "user": credentials}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": user}}],
        "current-context": CONTEXT,
    }
    return json.dumps(config, indent=1) + "\n"
