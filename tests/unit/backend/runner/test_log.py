"""Log records say whose they are."""

import logging
from typing import Any

import django
import pytest

from tests.unit.backend.pod import HERE, Pod
from tests.unit.backend.runner.conftest import Run

WHOSE = {
    "djangotask_id": "t1",
    "djangotask_path": f"{HERE}.logs",
    "djangotask_attempt": 2,
    "djangotask_queue": "mail",
}


def test_log_records_name_the_task(run: Run, pod: Pod, caplog: pytest.LogCaptureFixture) -> None:
    assert run("logs", "raises") == 1
    records = {record.name: record for record in caplog.records}
    # The task's own, of a thread of it, and the runner's.
    assert records.keys() >= {HERE, f"{HERE}.thread", "django_tasks_kubernetes.runner"}
    for record in records.values():
        assert WHOSE.items() <= record.__dict__.items()
    assert records[HERE].__dict__["task_id"] == "the project's own", "an `extra` that projects use is no error"
    assert records[HERE].getMessage() == "in the task"


@pytest.mark.parametrize("wraps", [True, False])
def test_log_records_with_a_projects_own_factory(
    run: Run, pod: Pod, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, wraps: bool
) -> None:
    def set_up() -> None:
        logging.getLogger("setup").warning("while Django is set up")
        make = logging.getLogRecordFactory() if wraps else logging.LogRecord

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = make(*args, **kwargs)
            record.project = "shop"
            return record

        logging.setLogRecordFactory(factory)

    monkeypatch.setattr(django, "setup", set_up)
    assert run("logs") == 0
    records = {record.name: record for record in caplog.records}
    assert WHOSE.items() <= records["setup"].__dict__.items()
    assert ({"project": "shop"} | WHOSE).items() <= records[HERE].__dict__.items()
