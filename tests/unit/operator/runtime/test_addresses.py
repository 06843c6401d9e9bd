"""Addresses of both families."""

from __future__ import annotations

import pytest

from djangotasks_operator.runtime.addresses import host_port


@pytest.mark.parametrize(
    ("host", "joined"),
    [("10.0.0.7", "10.0.0.7:80"), ("fd00::7", "[fd00::7]:80"), ("operator.tasks.svc", "operator.tasks.svc:80")],
)
def test_host_and_port_of_a_url(host: str, joined: str) -> None:
    assert host_port(host, 80) == joined
