"""What a task's process closes."""

import pytest
from django.db import connections

from django_tasks_kubernetes.runner.connections import close_databases
from tests.unit.backend.pod import Pod
from tests.unit.backend.runner.conftest import Run


class Wrapper:
    """As Django's of PostgreSQL: https://github.com/psycopg/psycopg/issues/954 is what an open pool does at the end."""

    def __init__(self, alias: str, closed: list[str]) -> None:
        self.alias = alias
        self._closed = closed

    def close(self) -> None:
        self._closed.append(self.alias)
        raise LookupError("the server is gone")

    def close_pool(self) -> None:
        self._closed.append(f"the pool of {self.alias}")
        raise LookupError("its threads do not end")


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    closed: list[str] = []
    wrappers = [Wrapper("default", closed), Wrapper("reports", closed)]
    monkeypatch.setattr(connections, "all", lambda initialized_only: wrappers)
    return closed


def test_pools_are_closed_and_a_failure_keeps_none_of_the_others_open(
    closed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    close_databases()
    assert closed == ["default", "the pool of default", "reports", "the pool of reports"]
    assert "close_pool of the database 'reports' has failed" in caplog.text


def test_a_task_has_succeeded_whatever_becomes_of_its_connections(run: Run, pod: Pod, closed: list[str]) -> None:
    assert run("echo") == 0
    assert "the pool of default" in closed
    assert pod.outcome.succeeded
