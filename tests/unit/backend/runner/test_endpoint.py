"""Where an attempt reports to: addresses of both families, and names."""

from __future__ import annotations

from http.client import HTTPSConnection

import pytest

from django_tasks_kubernetes.runner.endpoint import Endpoint
from djangotasks_api.assignment import Assignment


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://10.0.0.7:8080", "10.0.0.7", 8080),
        ("http://[fd00::7]:8080", "fd00::7", 8080),
        ("http://[fd00::7]", "fd00::7", 80),
        ("https://operator.example", "operator.example", 443),
    ],
)
def test_the_operators_address(url: str, host: str, port: int) -> None:
    assignment = Assignment(
        id="a", namespace="shop", uid="u", attempt=1, worker_id="a-1", task="shop.tasks.x", queue="default",
        backend="default", priority=0, enqueued_at="", run_after=None, worker_ids=(), started_at=None, url=url,
        token="t", payload="{}",
    )  # fmt: skip
    connection = Endpoint(assignment).connection(timeout=1)
    assert (connection.host, connection.port) == (host, port)
    assert isinstance(connection, HTTPSConnection) is url.startswith("https")
