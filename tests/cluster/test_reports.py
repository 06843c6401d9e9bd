"""The outcome endpoint: who may report what, and that nothing is lost while the operator is away."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from shop import probes

from djangotasks_api.bounds import REPORT_MAX_BYTES
from djangotasks_api.outcome import Outcome
from djangotasks_api.reports import report_path
from djangotasks_operator.pods.tokens import sign
from tests.support.operator import OperatorProcess
from tests.support.tasks import FINISH_SECONDS, GO, finish, go, status_of, wait_phase, wait_reason
from tools.kubectl import Kubectl, wait_for

OUTCOME = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", result='"reported"')


class Reporter:
    """Calls the endpoint as a task's pod does, with the right token by default."""

    def __init__(self, operator: OperatorProcess, kubectl: Kubectl, name: str) -> None:
        self._operator, self._namespace, self._name = operator, kubectl.namespace, name
        self._uid: str = kubectl.get("djangotask", name)["metadata"]["uid"]

    def token(self, *, attempt: int = 1, uid: str | None = None, namespace: str | None = None) -> str:
        key = self._operator.key_path.read_bytes().strip()
        return sign(key, namespace or self._namespace, uid or self._uid, attempt)

    def send(
        self,
        body: str | bytes = OUTCOME.to_json(),
        *,
        token: str | None = None,
        attempt: int = 1,
        kind: str = "outcome",
    ) -> int:
        """The answer's status."""
        connection = http.client.HTTPConnection("127.0.0.1", self._operator.port, timeout=60)
        path = report_path(self._namespace, self._name, self._uid, attempt, kind)
        token = self.token(attempt=attempt) if token is None else token
        data = body.encode() if isinstance(body, str) else body
        connection.request("POST", path, data, {"Authorization": f"Bearer {token}"})
        status = connection.getresponse().status
        connection.close()
        return status


@pytest.fixture
def running(backend: BaseTaskBackend, kubectl: Kubectl) -> str:
    """The name of a task that runs for longer than any test."""
    result = probes.sleep.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    name: str = result.id
    return name


@pytest.fixture
def reporter(operator: OperatorProcess, kubectl: Kubectl, running: str) -> Reporter:
    return Reporter(operator, kubectl, running)


def test_nobody_else_may_report(reporter: Reporter, kubectl: Kubectl, running: str) -> None:
    good = reporter.token()
    forged = ["", "x", good[:-1], good + "0", good.upper(), reporter.token(attempt=2), reporter.token(uid="another"),
              reporter.token(namespace="another")]  # fmt: skip
    assert {reporter.send(token=token) for token in forged} == {403}
    assert status_of(kubectl, running)["phase"] == "Running"


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "null", "{", '{"finishedAt":"now","result":"1"}', b"\xff\xfe", '{"finishedAt":5}']
)
def test_what_is_no_report_changes_nothing(reporter: Reporter, kubectl: Kubectl, running: str, body: str) -> None:
    assert reporter.send(body) == 400
    assert status_of(kubectl, running)["phase"] == "Running"


def test_a_report_that_is_too_large_is_refused(reporter: Reporter, kubectl: Kubectl, running: str) -> None:
    assert reporter.send(b"x" * (REPORT_MAX_BYTES + 1)) == 413
    assert status_of(kubectl, running)["phase"] == "Running"


def test_the_first_outcome_wins_and_may_be_repeated(reporter: Reporter, kubectl: Kubectl, running: str) -> None:
    other = Outcome(started_at=None, finished_at="2026-11-23T13:00:00+00:00", result='"other"')
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: reporter.send(), range(8)))
    # 429: one outcome of an attempt is worked on at a time. Its runner sends no second one.
    assert set(answers) <= {200, 429}
    assert 200 in answers
    assert reporter.send() == 200
    assert reporter.send(other.to_json()) == 409
    status = status_of(kubectl, running)
    assert (status["phase"], status["result"], len(status["attempts"])) == ("Succeeded", '"reported"', 1)


def test_of_two_different_outcomes_at_once_one_is_stored(reporter: Reporter, kubectl: Kubectl, running: str) -> None:
    outcomes = [
        Outcome(started_at=None, finished_at=f"2026-11-23T12:00:0{n}+00:00", result=str(n)).to_json() for n in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(reporter.send, outcomes))
    assert answers.count(200) == 1
    assert set(answers) <= {200, 409, 429}
    assert status_of(kubectl, running)["result"] == str(answers.index(200))


@pytest.mark.parametrize("attempt", [2, 99999])
def test_an_attempt_that_is_not_the_current_one(
    reporter: Reporter, kubectl: Kubectl, running: str, attempt: int
) -> None:
    assert reporter.send(attempt=attempt) == 409
    assert status_of(kubectl, running)["phase"] == "Running"


def test_a_task_that_is_gone(reporter: Reporter, kubectl: Kubectl, running: str) -> None:
    kubectl("delete", "djangotask", running, "--timeout=60s")
    assert reporter.send() == 409


def test_a_late_start_changes_nothing(reporter: Reporter, kubectl: Kubectl, running: str) -> None:
    assert reporter.send() == 200
    assert reporter.send('{"startedAt":"2026-11-23T12:00:00Z"}', kind="started") == 202
    assert reporter.send("{}", kind="started") == 400
    assert status_of(kubectl, running)["phase"] == "Succeeded"


def test_an_outcome_arrives_after_the_operator_was_away(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    """Stopped while the task runs, and started again after it has ended: the runner waits for it."""
    result = probes.wait_for_file.enqueue(GO)
    wait_phase(kubectl, result.id, "Running")
    operator.stop()
    go(kubectl, f"{result.id}-1")

    def tried() -> bool | None:
        return True if "again" in kubectl("logs", f"{result.id}-1") else None

    wait_for("the runner tries to report", tried, seconds=FINISH_SECONDS, why=lambda: kubectl("logs", f"{result.id}-1"))
    operator.start()
    assert finish(result).return_value == GO
    assert len(status_of(kubectl, result.id)["attempts"]) == 1


def test_an_outcome_is_read_from_the_pod_when_no_report_came(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess, queue: str, cluster: Any
) -> None:
    """The runner gives up, and the pod ends: its termination message is all there is."""
    from tools.cluster import Target
    from tools.manifests import queue_manifest

    env = [{"name": "DJANGO_SECRET_KEY", "value": "x"}, {"name": "DJANGOTASKS_REPORT_SECONDS", "value": "1"}]
    kubectl.apply(queue_manifest("impatient", cluster.image(Target.EXAMPLE), container_update={"env": env}))
    good = probes.sleep.using(queue_name="impatient").enqueue(3)
    bad = probes.fail.using(queue_name="impatient").enqueue()
    large = probes.return_bytes.using(queue_name="impatient").enqueue(5000)
    for result in (good, bad, large):
        kubectl("wait", "--for=create", f"pod/{result.id}-1", "--timeout=240s", seconds=250)
    operator.stop()
    for result in (good, bad, large):
        kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].state.terminated}", f"pod/{result.id}-1",
                "--timeout=240s", seconds=250)  # fmt: skip
    operator.start()
    assert finish(good).return_value == 3
    assert finish(bad).errors[0].exception_class is probes.CardDeclined
    finish(large)
    if large.status == TaskResultStatus.FAILED:
        assert status_of(kubectl, large.id)["reason"] == "ResultLost"
        assert json.dumps("x" * 5000) not in kubectl("get", "djangotask", large.id, "-o", "json")


# The runner without the address to report to, which offers its outcome for a second.
UNREACHABLE = """export DJANGOTASKS_REPORT_SECONDS=1
export DJANGOTASKS_ASSIGNMENT="$(echo "$DJANGOTASKS_ASSIGNMENT" | sed 's#"url":"[^"]*"#"url":"http://127.0.0.1:9"#')"
exec "$@"
"""


def test_a_task_says_that_its_pod_does_not_reach_the_operator(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess, cluster: Any
) -> None:
    """While it runs, and when it has ended; with Events."""
    from tools.cluster import Target
    from tools.manifests import queue_manifest

    command = ["sh", "-c", UNREACHABLE, "--", "python", "-m", "django_tasks_kubernetes.runner"]
    kubectl.apply(queue_manifest("unreachable", cluster.image(Target.EXAMPLE), command=command))
    result = probes.wait_for_file.using(queue_name="unreachable").enqueue(GO)
    status = wait_reason(kubectl, result.id, "NoReport")
    assert status["phase"] == "Running"
    go(kubectl, f"{result.id}-1")
    assert finish(result).return_value == GO
    (attempt,) = status_of(kubectl, result.id)["attempts"]
    assert "ConnectionRefusedError" in attempt["unreported"]

    def reported() -> list[str] | None:
        events = kubectl.get("events", "--field-selector", f"involvedObject.name={result.id}")["items"]
        found = [event["message"] for event in events if event["reason"] == "NotReported"]
        return found if any("ConnectionRefusedError" in message for message in found) else None

    wait_for("an Event says why", reported, seconds=FINISH_SECONDS)
