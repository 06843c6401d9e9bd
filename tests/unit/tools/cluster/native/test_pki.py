"""The cluster's kubeconfigs."""

import yaml

from tools.cluster.native import pki
from tools.cluster.native.layout import CONTEXT


def test_kubeconfig_holds_its_certificates() -> None:
    text = pki.kubeconfig("admin", authority=b"ca", certificate=b"crt", key=b"key")
    parsed = yaml.safe_load(text)
    assert parsed["current-context"] == CONTEXT
    assert parsed["users"][0]["user"] == {"client-certificate-data": "Y3J0", "client-key-data": "a2V5"}
