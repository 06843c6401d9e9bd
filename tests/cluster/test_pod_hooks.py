"""What a project sees in a task's pod: Django's signals, and log records that say whose they are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from shop import probes

from tests.support.tasks import FINISH_SECONDS, finish
from tools.cluster import Target
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from django.tasks.backends.base import BaseTaskBackend

    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl


@pytest.fixture(scope="module")
def json_queue(cluster: Cluster, kubectl: Kubectl, backend: BaseTaskBackend) -> str:
    """Its pods log with python-json-logger, as the settings say."""
    env = [{"name": "DJANGO_SECRET_KEY", "value": "for tests"}, {"name": "LOG_FORMAT", "value": "json"}]
    policy = {"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}}
    kubectl.apply(queue_manifest("json", cluster.image(Target.EXAMPLE), container_update={"env": env}, policy=policy))
    return "json"


def log_of(kubectl: Kubectl, task: str, attempt: int) -> list[dict[str, Any]]:
    """What is logged of an attempt, once its Job has ended: the receivers run after the outcome is known."""
    kubectl(
        "wait",
        "--for=jsonpath={.status.conditions[0].status}=True",
        f"job/{task}-{attempt}",
        "--timeout=240s",
        seconds=250,
    )
    lines = kubectl("logs", f"job/{task}-{attempt}").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_a_projects_formatter_shows_whose_each_record_is(json_queue: str, kubectl: Kubectl) -> None:
    result = finish(probes.write_lines.using(queue_name=json_queue).enqueue(2))
    records = log_of(kubectl, result.id, 1)
    whose = {"task_id": result.id, "task": "shop.probes.write_lines", "attempt": 1, "queue": "json"}
    assert [whose.items() <= record.items() for record in records] == [True] * len(records)
    assert [record["message"] for record in records if record["name"] == "shop.probes"] == (
        ["logged 1 of 2", "logged 2 of 2"]
    )


@pytest.mark.parametrize(
    ("succeeding", "last"),
    [(2, "attempt 2 succeeded"), (3, "attempt 2 failed: CardDeclined('attempt 2 of 3')")],
    ids=["success", "failure"],
)
def test_the_signals_of_each_attempt(json_queue: str, kubectl: Kubectl, succeeding: int, last: str) -> None:
    """The start is sent for each of two attempts. The end is sent once, for a failure that is tried again is none."""
    result = finish(probes.fail_until.using(queue_name=json_queue).enqueue(succeeding), 2 * FINISH_SECONDS)
    sent = [
        (record["message"], record["attempt"])
        for attempt in (1, 2)
        for record in log_of(kubectl, result.id, attempt)
        if record["name"] == "shop.receivers"
    ]
    assert sent == [("attempt 1 starts", 1), ("attempt 2 starts", 2), (last, 2)]


def test_a_receiver_that_raises(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    """It changes nothing for the task, and is in the log, also where the project has no LOGGING."""
    result = finish(probes.connect_broken_receiver.enqueue())
    assert result.return_value == "connected"
    kubectl("wait", "--for=condition=Complete", f"job/{result.id}-1", "--timeout=240s", seconds=250)
    log = kubectl("logs", f"job/{result.id}-1")
    assert "A receiver of a task signal raised" in log
    assert "CardDeclined: the receiver failed" in log
