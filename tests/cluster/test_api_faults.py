"""The API server answers, but not as one would wish: too many requests, errors, answers that do not arrive."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.faults import AFTER, Delay, Drop, Rule, Status
from tests.support.operator import OperatorProcess
from tests.support.proxy import Proxy
from tests.support.stage import Stage
from tests.support.tasks import FINISH_SECONDS
from tests.support.zygote import Zygote
from tools.cluster.cluster import Cluster
from tools.kubectl import wait_for

CALLS = ("create jobs", "create pods", "get djangotasks", "patch djangotasks/status", "patch jobs/status")
RETRIED = {"maxAttempts": 2, "backoff": {"initialSeconds": 0.1}}


def all_succeed(stage: Stage, names: list[str], attempts: int = 1) -> None:
    for name in names:
        status = stage.wait_phase(name, "Succeeded", "Failed")
        assert status["phase"] == "Succeeded", status
    stage.assert_once(*names, attempts=attempts)


def waits(stage: Stage, label: str) -> list[float]:
    """The seconds between one try of a write and the next of the very same."""
    tries: defaultdict[tuple[str, bytes], list[float]] = defaultdict(list)
    for call in stage.proxy.writes():
        if call.label == label:
            tries[call.path, call.body].append(call.at)
    return [second - first for times in tries.values() for first, second in pairwise(times)]


@pytest.mark.parametrize("label", ["create jobs", "create pods", "patch djangotasks/status", "patch jobs/status"])
def test_retry_after_is_honoured(stage: Stage, label: str) -> None:
    rule = Rule(Status(429, {"Retry-After": "2"}, "TooManyRequests"), label, times=2)
    stage.proxy.add(rule)
    name = stage.enqueue("add", 1, 2)
    all_succeed(stage, [name])
    stage.wait_finished_jobs(name)
    assert rule.hits == 2
    assert waits(stage, label)
    assert min(waits(stage, label)) >= 2, "not before it is asked to"


def test_a_server_that_is_busy_for_long_is_not_hammered(stage: Stage) -> None:
    """More refusals than one request is tried for: the tasks' own backoff goes on from there."""
    rule = Rule(Status(429, {"Retry-After": "1"}, "TooManyRequests"), "create jobs", times=12)
    stage.proxy.add(rule)
    all_succeed(stage, [stage.enqueue("add", 1, 2) for _ in range(2)])
    assert len(waits(stage, "create jobs")) == 12
    assert min(waits(stage, "create jobs")) >= 1


@pytest.mark.parametrize(
    "fault",
    [Status(500, reason="InternalError"), pytest.param(Status(503), marks=pytest.mark.slow), Drop()],
    ids=str,
)
def test_every_third_call_of_each_kind_fails(stage: Stage, fault: Status | Drop) -> None:
    rules = [Rule(fault, label, every=3, times=float("inf")) for label in CALLS]
    stage.proxy.add(*rules)
    names = [stage.enqueue("fail_until", 2, policy=RETRIED) for _ in range(3)]
    all_succeed(stage, names, attempts=2)
    assert sum(rule.hits for rule in rules) >= 10


@pytest.mark.parametrize("fault", [Drop(), Status(500, reason="InternalError"), Status(504, reason="Timeout")], ids=str)
def test_the_request_was_done_and_its_answer_is_lost(stage: Stage, fault: Status | Drop) -> None:
    """For each kind of write, twice in a row: what is repeated is found done."""
    rules = [Rule(fault, label, moment=AFTER, times=2) for label in CALLS]
    stage.proxy.add(*rules)
    names = [stage.enqueue("fail_until", 2, policy=RETRIED), stage.enqueue("fail_until", 2, policy=RETRIED)]
    all_succeed(stage, names, attempts=2)
    for name in names:
        stage.wait_finished_jobs(name)
    assert [rule.hits for rule in rules] == [2] * len(rules)


@pytest.mark.parametrize("stage", [("--resync-seconds", "1")], indirect=True)
@pytest.mark.parametrize("fault", [Drop(), Status(500, reason="InternalError")], ids=str)
def test_a_list_that_fails_is_tried_again(stage: Stage, fault: Status | Drop) -> None:
    rule = Rule(fault, "list .*", times=6)  # in a row: aiohttp itself tries a GET again
    stage.proxy.add(rule)
    wait_for("the lists", lambda: rule.hits == 6 or None, seconds=FINISH_SECONDS, why=stage.tell)
    assert stage.operator.running, stage.tell()
    all_succeed(stage, [stage.enqueue("add", 1, 2)])


@pytest.mark.slow
def test_the_answer_comes_too_late(stage: Stage) -> None:
    """Longer than the operator waits for any answer."""
    rules = [Rule(Delay(20), label, moment=AFTER) for label in CALLS]
    stage.proxy.add(*rules)
    name = stage.enqueue("add", 1, 2)
    stage.wait_phase(name, "Succeeded")
    stage.assert_once(name)
    stage.wait_finished_jobs(name)
    assert [rule.hits for rule in rules] == [1] * len(rules)


def test_a_conflict_is_no_error(stage: Stage) -> None:
    rule = Rule(Status(409, reason="Conflict"), "patch .*", nth=1, every=2, times=6)
    stage.proxy.add(rule)
    names = [stage.enqueue("fail_until", 2, policy=RETRIED) for _ in range(3)]
    all_succeed(stage, names, attempts=2)
    assert rule.hits == 6


def test_two_operators_at_once(stage: Stage, cluster: Cluster, zygote: Zygote, tmp_path: Path) -> None:
    """Without an election, as when one does not know yet that it lost it: both act on every task."""
    folder = tmp_path / "other"
    folder.mkdir()
    key = stage.operator.key_path.read_text()
    with Proxy(cluster.kubeconfig, folder) as proxy:
        other = OperatorProcess(cluster, stage.namespace, folder, kubeconfig=proxy.kubeconfig, key=key, zygote=zygote)
        other.start()
        try:
            names = [stage.enqueue("fail_until", 2, policy=RETRIED) for _ in range(20)]
            for name in names:
                status = stage.wait_phase(name, "Succeeded", "Failed")
                assert (status["phase"], status["interruptions"]) == ("Succeeded", 0), status
                stage.wait_finished_jobs(name)
            created = [
                call.name
                for way in (stage.proxy, proxy)
                for call in way.writes(verb="create", status=201)
                if call.resource in ("jobs", "pods")
            ]
            assert sorted(created) == sorted(f"{name}-{n}" for name in names for n in (1, 2) for _ in ("Job", "Pod"))
            refused = [call for way in (stage.proxy, proxy) for call in way.writes(status=409)]
            assert refused, "they did meet"
        finally:
            other.close()
    assert "a defect" not in other.log(), other.log()


# On demand (make test-faults): a busy machine makes them fail for want of time.
pytestmark = pytest.mark.slow
