"""Jobs and Pods of the API server become views."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from djangotasks_api.assignment import TOKEN_VARIABLE
from djangotasks_operator.pods.parsing import attempt_of, parse_job, parse_pod
from djangotasks_operator.pods.views import (
    CREATED_AT_ANNOTATION,
    DEFAULT_CONTAINER_ANNOTATION,
    HEARTBEAT_ANNOTATION,
    RETRIES_LEFT_ANNOTATION,
    AttemptId,
    Pod,
)
from tests.support.builders import NOW, at

LABELS = {"djangotasks.dev/task": "receipt", "djangotasks.dev/task-uid": "u", "djangotasks.dev/attempt": "2"}


def body(
    status: dict[str, Any] | None = None, annotations: dict[str, Any] | None = None, **metadata: Any
) -> dict[str, Any]:
    fixed = {
        "name": "receipt-2",
        "namespace": "shop",
        "uid": "p",
        "resourceVersion": "7",
        "labels": LABELS,
        "creationTimestamp": NOW.isoformat(),
        "annotations": {DEFAULT_CONTAINER_ANNOTATION: "web"} | (annotations or {}),
    }
    web = {
        "name": "web",
        "image": "shop:1",
        "env": [{"name": "A", "value": "1"}, {"name": TOKEN_VARIABLE, "value": "t"}],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"memory": "256Mi"}},
    }
    proxy = {"name": "proxy", "image": "proxy:1", "resources": {"limits": {"memory": "64Mi"}}}
    spec = {"containers": [proxy, web], "template": {}}
    return {"metadata": fixed | metadata, "spec": spec, "status": status or {}}


def pod(status: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **metadata: Any) -> Pod:
    found = parse_pod(body(status, annotations, **metadata))
    assert found is not None
    return found


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": "receipt-2", "labels": None},
        {"name": "receipt-2", "labels": LABELS | {"djangotasks.dev/attempt": "two"}},
        {"name": "copy", "labels": LABELS},
    ],
    ids=["no labels", "no number", "a copy"],
)
def test_an_object_that_is_not_an_attempts_is_ignored(metadata: dict[str, Any]) -> None:
    assert attempt_of(metadata) is None
    assert parse_pod(body(**metadata)) is None
    assert parse_job(body(**metadata)) is None


def test_memory_limit_is_that_of_the_container_that_runs_the_task() -> None:
    assert pod().memory_limit == "512Mi"
    assert pod(annotations={DEFAULT_CONTAINER_ANNOTATION: "proxy"}).memory_limit == "512Mi"


@pytest.mark.parametrize(("annotated", "main"), [("web", "web"), ("proxy", "proxy"), ("log", "proxy"), (None, "proxy")])
def test_the_annotation_chooses_among_containers_that_have_the_token(annotated: str | None, main: str) -> None:
    """An injector may copy the variables of the first container."""
    copied = body(annotations={DEFAULT_CONTAINER_ANNOTATION: annotated})
    proxy, web = copied["spec"]["containers"]
    proxy["env"] = web["env"]
    found = parse_pod(copied)
    assert found is not None
    assert found.container == main


def test_memory_limit_of_a_container_without_one_is_the_pods() -> None:
    shared = body()
    shared["spec"] |= {"resources": {"limits": {"memory": "1Gi"}}, "containers": [{"name": "web"}]}
    found = parse_pod(shared)
    assert found is not None
    assert found.memory_limit == "1Gi"


def test_what_init_containers_say_counts_while_it_matters() -> None:
    states = {"pending": {"running": {}}, "failed": {"terminated": {"exitCode": 1}}}
    for phase, expected in (("Pending", (True, False)), ("Failed", (False, True)), ("Running", (False, False))):
        state = states["failed" if phase == "Failed" else "pending"]
        found = body({"phase": phase, "initContainerStatuses": [{"name": "render", "state": state}]})
        found["spec"]["initContainers"] = [{"name": "render"}]
        parsed = parse_pod(found)
        assert parsed is not None
        assert (parsed.initializing is not None, parsed.failed_init is not None) == expected


def test_a_pod_without_its_labels_is_parsed_where_it_is_expected() -> None:
    found = parse_pod(body(labels=None), AttemptId("receipt", "u", 2))
    assert found is not None
    assert (found.task, found.attempt, found.watched) == ("receipt", 2, False)


@pytest.mark.parametrize(
    ("name", "node"),
    [("node-1", "node-1"), (None, None), ("", None), (7, None), ("n" * 253, "n" * 253), ("n" * 254, None)],
)
def test_a_pods_node(name: Any, node: str | None) -> None:
    found = body()
    found["spec"]["nodeName"] = name
    parsed = parse_pod(found)
    assert parsed is not None
    assert parsed.node == node


def test_a_pods_state_is_that_of_its_main_container() -> None:
    running = {"name": "web", "state": {"running": {"startedAt": at(5).isoformat()}}}
    ended = {"name": "proxy", "state": {"terminated": {"exitCode": 1}}}
    found = pod({"phase": "Running", "containerStatuses": [ended, running]})
    assert (found.container, found.image, found.running_since, found.terminated) == ("web", "shop:1", at(5), None)
    assert not found.sidecars


def test_a_pod_keeps_its_token_once_its_main_container_has_ended() -> None:
    running, ended = {"running": {"startedAt": at(5).isoformat()}}, {"terminated": {"exitCode": 0}}
    tokens = [pod({"containerStatuses": [{"name": "web", "state": state}]}).token for state in (running, ended)]
    assert tokens == ["", "t"]


def test_a_main_container_that_ended_leaves_its_sidecars() -> None:
    ended = {"name": "web", "state": {"terminated": {"exitCode": 3, "finishedAt": at(9).isoformat()}}}
    found = pod({"phase": "Running", "containerStatuses": [ended, {"name": "proxy", "state": {"running": {}}}]})
    assert found.terminated is not None
    assert (found.terminated.exit_code, found.terminated.finished_at) == (3, at(9))
    assert (found.sidecars, found.ended, found.all_ended) == (True, True, False)


@pytest.mark.parametrize(("condition", "message"), [({}, ""), ({"message": "a taint"}, "a taint")])
def test_who_disrupts_a_pod(condition: dict[str, str], message: str) -> None:
    disrupted = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager"}
    found = pod({"conditions": [disrupted | condition]})
    assert (found.disruption, found.disruption_message) == ("DeletionByTaintManager", message)
    assert pod().disruption is None


@pytest.mark.parametrize("seconds", [None, 0, 3600])
def test_a_pods_grace_period(seconds: int | None) -> None:
    found = body()
    found["spec"]["terminationGracePeriodSeconds"] = seconds
    parsed = parse_pod(found)
    assert parsed is not None
    assert parsed.grace_seconds == seconds


def test_a_container_that_waits_says_why_unless_it_only_takes_its_time() -> None:
    def waiting(reason: str) -> str | None:
        found = pod({"containerStatuses": [{"name": "web", "state": {"waiting": {"reason": reason}}}]}).waiting
        return None if found is None else found.reason

    assert [waiting(reason) for reason in ("ContainerCreating", "ImagePullBackOff")] == [None, "ImagePullBackOff"]


def test_of_a_container_that_is_started_again_and_again_it_says_how_it_ended() -> None:
    state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container=proxy"}}
    status = {"name": "proxy", "state": state, "lastState": {"terminated": {"exitCode": 3}}}
    found = pod({"initContainerStatuses": [status]}).waiting
    assert found is not None
    assert found.message == "back-off 40s restarting failed container=proxy (it ended with exit code 3)"


@pytest.mark.parametrize(
    ("reason", "words"), [("Unschedulable", "why"), ("SchedulingGated", "why"), ("SchedulerError", None)]
)
def test_what_keeps_a_pod_from_its_node(reason: str, words: str | None) -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": "why"}
    assert pod({"conditions": [condition]}).unschedulable == words


@pytest.mark.parametrize(("text", "seconds"), [("60", 60.0), ("0", None), ("soon", None), ("1e12", None)])
def test_a_heartbeat_timeout_that_cannot_be_is_none(text: str, seconds: float | None) -> None:
    timeout = None if seconds is None else timedelta(seconds=seconds)
    assert pod(annotations={HEARTBEAT_ANNOTATION: text}).heartbeat_timeout == timeout


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("99", 99), ("100", None), ("-1", None), ("²", None), ("9" * 5000, None), ("", None)]
)
def test_retries_that_cannot_be_are_none(text: str, number: int | None) -> None:
    assert pod(annotations={RETRIES_LEFT_ANNOTATION: text}).retries_left == number


@pytest.mark.parametrize(("text", "valid"), [(at(1).isoformat(), True), ("2026-11-23T12:00:00", False), ("x", False)])
def test_a_stamp_that_is_no_time_is_ignored(text: str, valid: bool) -> None:
    assert pod(annotations={CREATED_AT_ANNOTATION: text}).stamped_at == (at(1) if valid else None)


def test_a_finished_job_keeps_no_labels_for_its_pod() -> None:
    status = {"conditions": [{"type": "Complete", "status": "True"}]}
    job = parse_job(body(status))
    assert job is not None
    assert (job.finished, job.pod_labels) == (True, {})


@pytest.mark.parametrize(
    ("owners", "owned"),
    [
        ([{"kind": "DjangoTask", "name": "receipt", "uid": "u", "controller": True}], True),
        ([{"kind": "DjangoTask", "name": "receipt", "uid": "an earlier one", "controller": True}], False),
        ([], False),
    ],
)
def test_whose_a_job_is(owners: list[dict[str, Any]], owned: bool) -> None:
    job = parse_job(body(ownerReferences=owners))
    assert job is not None
    assert job.owned is owned
