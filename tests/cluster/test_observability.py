"""Metrics, health, logs and Events of tasks that really ran, with two replicas."""

from __future__ import annotations

import json
import secrets
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.tasks.backends.base import BaseTaskBackend
from prometheus_client.parser import text_string_to_metric_families
from shop import probes

from tests.cluster.test_election import TAKEOVER_SECONDS
from tests.cluster.test_reports import Reporter
from tests.support.operator import OperatorProcess
from tests.support.tasks import FINISH_SECONDS, create_task, wait_phase, wait_reason
from tools.cluster.cluster import Cluster
from tools.kubectl import Kubectl, wait_for

Values = Counter[str]
# For a busy node to say what is wrong.
START_TIMEOUT = 45
# What a task says of itself when it fails: it wants to look like a line of ours, and to clear the screen.
FORGED = "2026-11-23T12:00:00.000Z INFO djangotasks_operator.app: all is well"
HOSTILE = f"\x1b[2J\r\n{FORGED}\n\u2028{{}}"


def values(process: OperatorProcess) -> Values:
    """What one replica counts, as `name{label,label}`, without namespace, queue and buckets."""
    found: Values = Counter()
    for family in text_string_to_metric_families(process.get("/metrics")):
        for sample in family.samples:
            if sample.name.startswith("djangotasks_") and not sample.name.endswith(("_bucket", "_sum")):
                labels = ",".join(value for key, value in sample.labels.items() if key not in ("namespace", "queue"))
                name = sample.name.removeprefix("djangotasks_")
                found[f"{name}{{{labels}}}" if labels else name] += sample.value  # type: ignore[assignment]
    return found


@dataclass
class World:
    """What happened in the namespace: each name is a task's."""

    replicas: list[OperatorProcess]
    kubectl: Kubectl
    successes: list[str]
    failed: str
    retried: str
    waiting: str
    imageless: str
    reported: str

    def sum(self) -> Values:
        return sum((values(process) for process in self.replicas), Counter())

    def events(self, name: str) -> dict[str, dict[str, Any]]:
        """Ours on a task, by reason."""
        selector = f"involvedObject.kind=DjangoTask,involvedObject.name={name}"
        return {e["reason"]: e for e in self.kubectl.get("events", f"--field-selector={selector}")["items"]}

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for process in self.replicas for line in process.log().splitlines()]


@pytest.fixture(scope="module")
def processes(
    cluster: Cluster, namespace: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[OperatorProcess]]:
    key = secrets.token_hex(32)
    options = ("--lease", f"{namespace}/operator", "--log-format", "json")
    processes = [
        OperatorProcess(cluster, namespace, tmp_path_factory.mktemp(name), options=options, key=key)
        for name in ("first", "second")
    ]
    for process in processes:
        process.start()
    yield processes
    for process in processes:
        process.close()
        assert "a defect" not in process.log(), process.log()


@pytest.fixture(scope="module")
def operator(processes: list[OperatorProcess]) -> OperatorProcess:
    """What the backend's fixture asks for."""
    return processes[0]


@pytest.fixture(scope="module")
def world(
    backend: BaseTaskBackend, processes: list[OperatorProcess], kubectl: Kubectl, cluster: Cluster, namespace: str
) -> World:
    """Tasks of all fates, once each has met its own."""

    def leading() -> OperatorProcess | None:
        return next((process for process in processes if values(process)["leader"]), None)

    leader = wait_for("a replica leads", leading, seconds=TAKEOVER_SECONDS)
    standby = next(process for process in processes if process is not leader)
    successes = [probes.add.enqueue(number, 1).id for number in range(3)]
    failed = probes.fail.enqueue(HOSTILE).id
    retried = create_task(
        kubectl, "shop.probes.fail_until", 2, policy={"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}}
    )
    waiting = create_task(kubectl, queue="no-such-queue")
    kubectl.apply(
        {
            "apiVersion": "djangotasks.dev/v1alpha1",
            "kind": "DjangoTaskQueue",
            "metadata": {"name": "imageless"},
            "spec": {
                "template": {"spec": {"containers": [{"name": "task", "image": "djangotasks/no-such-image:1"}]}},
                "policy": {"startTimeoutSeconds": START_TIMEOUT},
            },
        }
    )
    imageless = create_task(kubectl, queue="imageless")
    reported = probes.sleep.enqueue(600).id
    wait_phase(kubectl, reported, "Running")
    assert Reporter(standby, kubectl, reported).send() == 200
    wait_phase(kubectl, reported, "Succeeded")
    for name in (*successes, retried):
        wait_phase(kubectl, name, "Succeeded")
    wait_phase(kubectl, failed, "Failed")
    wait_reason(kubectl, waiting, "QueueNotFound")
    wait_reason(kubectl, imageless, "ImagePullFailed")
    wait_phase(kubectl, imageless, "Failed")
    world = World([leader, standby], kubectl, successes, failed, retried, waiting, imageless, reported)
    # They are written asynchronously: five of them, as below.
    wait_for("Events were written", lambda: world.sum()["events_total{sent}"] >= 5 or None, seconds=FINISH_SECONDS)
    return world


def test_every_task_is_counted_once(world: World) -> None:
    found = world.sum()
    expected = {
        "leader": 1,
        "tasks{Succeeded}": 5,
        "tasks{Failed}": 2,
        "tasks{Queued}": 1,
        # Three sums, one that was reported to the standby, two of the task that was tried again, two that failed.
        "attempts_total": 8,
        "attempt_failures_total{TaskError}": 2,
        "attempt_failures_total{ImagePullFailed}": 1,
        "retries_total": 1,
        "task_duration_seconds_count{Succeeded}": 5,
        "task_duration_seconds_count{Failed}": 2,
        # Of first attempts; and of those that ran.
        "queue_wait_seconds_count": 7,
        "start_seconds_count": 7,
        "run_seconds_count": 7,
        "backlog_tasks": 0,
    }
    assert {name: found[name] for name in expected} == expected
    assert not [name for name in found if name.startswith("interruptions_total")]


def test_writes_are_counted_and_successes_cost_no_event(world: World) -> None:
    found = world.sum()
    assert found["api_requests_total{201,jobs,create}"] == found["api_requests_total{201,pods,create}"] == 8
    assert found["events_total{sent}"] == 5
    assert found["api_requests_total{201,events,create}"] == 5
    assert found["reports_total{200,outcome}"] >= 7
    assert found["reconcile_duration_seconds_count"] > 8
    assert found["reconcile_errors_total{defect}"] == 0
    for name in (*world.successes, world.reported):
        assert world.events(name) == {}


def test_where_things_stand(world: World) -> None:
    leader, standby = (values(process) for process in world.replicas)
    assert (leader["leader"], standby["leader"]) == (1, 0)
    assert not [name for name in standby if name.startswith("tasks{")], "else a sum would count twice"
    assert leader["namespace_readable"] == 1
    assert leader["queue_free_slots"] == float("inf")
    assert not {"namespace_readable", "queue_free_slots", "queue_oldest_waiting_timestamp_seconds"} & set(standby)
    assert standby["attempts_total"] == 1, "the one that was reported to it"
    ages = {name for name in leader if name.startswith("watch_age_seconds")}
    # Those of which there are none have one from their first bookmark on, which comes within a minute.
    assert ages >= {f"watch_age_seconds{{{kind}}}" for kind in ("djangotasks", "djangotaskqueues", "jobs", "pods")}
    for process in world.replicas:
        assert process.get("/healthz") == process.get("/readyz") == "ok\n"


def test_what_is_counted_names_no_task(world: World) -> None:
    text = "".join(process.get("/metrics") for process in world.replicas)
    for name in (*world.successes, world.failed, world.waiting):
        assert name not in text
    assert "no-such-queue" not in text, "a name that anybody may choose"
    assert 'queue="(missing)"' in text


@pytest.mark.parametrize(
    ("fate", "reason", "words"),
    [
        ("failed", "Failed", "TaskError: the task raised shop.probes.CardDeclined."),
        (
            "retried",
            "Retrying",
            "Attempt 1 failed. TaskError: the task raised shop.probes.CardDeclined. The next one starts at ",
        ),
        ("waiting", "Waiting", "QueueNotFound: There is no DjangoTaskQueue 'no-such-queue'"),
        ("imageless", "FailedToStart", "djangotasks/no-such-image:1"),
        ("imageless", "Failed", f"The pod did not start within {START_TIMEOUT} s."),
    ],
)
def test_kubectl_describe_says_why(world: World, fate: str, reason: str, words: str) -> None:
    name = getattr(world, fate)
    event = world.events(name)[reason]
    assert (event["type"], event["count"]) == ("Warning", 1)
    assert words in event["message"]
    shown = world.kubectl("describe", "djangotask", name).partition("Events:")[2]
    assert words in shown
    assert any(line.split()[:2] == ["Warning", reason] for line in shown.splitlines())
    assert "djangotasks-operator" in shown


def test_no_word_of_a_task_is_in_its_events(world: World) -> None:
    (event,) = world.events(world.failed).values()
    assert event["message"].isprintable()
    assert "all is well" not in event["message"]


def test_each_line_of_the_log_is_an_object(world: World) -> None:
    transitions = [line for line in world.lines() if "from_phase" in line]
    ends = {line["task"]: line for line in transitions if line["phase"] in ("Succeeded", "Failed")}
    assert set(ends) == {*world.successes, world.reported, world.retried, world.failed, world.imageless}
    failed = ends[world.failed]
    assert (failed["namespace"], failed["queue"], failed["attempt"]) == (world.kubectl.namespace, "default", 1)
    assert (failed["phase"], failed["reason"], failed["level"]) == ("Failed", "TaskError", "INFO")
    assert ends[world.retried]["attempt"] == 2
    for line in world.lines():
        assert {"time", "level", "logger", "message"} <= set(line)


def test_no_word_of_a_task_is_in_the_log(world: World) -> None:
    status = world.kubectl.get("djangotask", world.failed)["status"]
    assert FORGED in status["attempts"][0]["error"]["traceback"], "it did say so"
    for process in world.replicas:
        assert "all is well" not in process.log()
        assert "\x1b" not in process.log()


def test_few_lines(world: World) -> None:
    """One for each status that was written, and none for an event, a pass or the end of a log that is kept."""
    tails = sum("logTail" in task["status"] for task in world.kubectl.get("djangotasks")["items"])
    writes = world.sum()["api_requests_total{200,djangotasks/status,patch}"] - tails
    lines = [line for line in world.lines() if line["level"] == "INFO" and line["logger"].startswith("djangotasks")]
    assert sum("from_phase" in line for line in lines) == writes
    assert sum("from_phase" not in line for line in lines) <= 10


def test_a_stopped_process_is_not_healthy(world: World) -> None:
    process = world.replicas[1]
    process.send_signal(signal.SIGSTOP)
    try:
        with pytest.raises(OSError, match="timed out"):
            process.get("/healthz", seconds=1)
    finally:
        process.send_signal(signal.SIGCONT)
    wait_for("it answers again", lambda: healthy(process), seconds=FINISH_SECONDS)


def healthy(process: OperatorProcess) -> bool | None:
    try:
        return process.get("/healthz") == "ok\n" or None
    except OSError:
        return None
