"""The few questions that the provider asks etcd and the API server, by the standard library alone."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any

from tools.cluster.native.config import ETCD_HEALTH_PORT
from tools.cluster.native.layout import NODE_ADDRESS

if TYPE_CHECKING:
    from pathlib import Path


def get(pki: Path, path: str, *, seconds: float = 3) -> tuple[int, bytes]:
    """GET a path as admin; status 0 when there is no answer."""
    try:
        context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        connection = http.client.HTTPSConnection(NODE_ADDRESS, 6443, context=context, timeout=seconds)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return 0, b""


def etcd_ready() -> bool:
    """Tell whether etcd calls itself ready."""
    try:
        connection = http.client.HTTPConnection(NODE_ADDRESS, ETCD_HEALTH_PORT, timeout=3)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def ready(pki: Path) -> bool:
    """Tell whether the API server calls itself ready."""
    return get(pki, "/readyz")[0] == http.HTTPStatus.OK


def exists(pki: Path, path: str) -> bool:
    """Tell whether an object is there."""
    return get(pki, path)[0] == http.HTTPStatus.OK


def node_ready(pki: Path, name: str) -> bool:
    """Tell whether a node is Ready."""
    status, body = get(pki, f"/api/v1/nodes/{name}")
    return status == http.HTTPStatus.OK and is_ready(json.loads(body))


def is_ready(node: dict[str, Any]) -> bool:
    """Tell whether the Ready condition of a Node object is True."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
