"""The requests of the client without logic are the operator's."""

import json
from datetime import UTC, datetime
from typing import Any

from benchmarks import crowd
from benchmarks.fake_site import QUEUE, queue_manifest
from benchmarks.floor_bodies import JOB_UID, NAME, UID, VERSION, Bodies
from djangotasks_api.assignment import Assignment
from djangotasks_api.models import TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.pods.parsing import parse_job, parse_pod

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def made() -> Bodies:
    return Bodies.of(crowd.task(QUEUE), queue_manifest(QUEUE), "shop", NOW)


def parsed(body: bytes) -> Any:
    assert not [gap for gap in (NAME, UID, JOB_UID, VERSION) if gap.encode() in body]
    return json.loads(body)


def stored(body: Any, uid: str) -> Any:
    metadata = {"uid": uid, "resourceVersion": "1", "creationTimestamp": NOW.isoformat()}
    return body | {"metadata": body["metadata"] | metadata}


def test_job_and_pod_are_those_of_the_task() -> None:
    bodies = made()
    job = parse_job(stored(parsed(bodies.job("t-1", "u-1")), "j-1"))
    body = parsed(bodies.pod("t-1", "u-1", "j-1"))
    pod = parse_pod(stored(body, "p-1"))
    assert job is not None
    assert pod is not None
    assert (job.name, job.task, job.task_uid) == ("t-1-1", "t-1", "u-1")
    assert (pod.name, pod.task, pod.job_uid, pod.namespace) == ("t-1-1", "t-1", "j-1", "shop")
    (container,) = body["spec"]["containers"]
    assigned = Assignment.from_environ({one["name"]: one["value"] for one in container["env"]})
    assert (assigned.id, assigned.uid) == ("t-1", "u-1")


def test_statuses_are_those_of_a_success() -> None:
    bodies = made()
    patch = parsed(bodies.task_status("t-1", "17"))
    assert patch["metadata"] == {"resourceVersion": "17"}
    status = TaskStatus.model_validate(patch["status"])
    assert (status.phase, status.result, status.attempts[0].pod) == (Phase.SUCCEEDED, "3", "t-1-1")
    assert {one["type"] for one in parsed(bodies.job_status("18"))["status"]["conditions"]} == {
        "Complete",
        "SuccessCriteriaMet",
    }
