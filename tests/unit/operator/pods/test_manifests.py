"""The Job and the Pod of an attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from djangotasks_api.assignment import PAYLOAD_VARIABLE
from djangotasks_api.names import EXCLUDE_FROM_BACKUP_LABEL, QUEUE_LABEL
from djangotasks_api.phases import Reason
from djangotasks_operator.pods import manifests
from djangotasks_operator.pods.views import HEARTBEAT_ANNOTATION, RETRIES_LEFT_ANNOTATION
from tests.support.assignments import make_assignment
from tests.support.builders import NOW, at, make_attempt, make_job, make_task

NAME = "web"
TEMPLATE: dict[str, Any] = {
    "metadata": {"labels": {"team": "shop", QUEUE_LABEL: "not this one"}, "annotations": {}},
    "spec": {
        "containers": [
            {"name": "web", "image": "shop:7", "env": [{"name": "A", "value": "1"}]},
            {"name": "proxy", "image": "proxy:1"},
        ]
    },
}


def test_job() -> None:
    job = manifests.job(make_task(), 2, TEMPLATE)
    assert job["metadata"]["name"] == "receipt-2"
    assert job["spec"]["managedBy"] == "djangotasks.dev/operator"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("DjangoTask", "uid-of-the-task", True)
    assert "finalizers" not in job["metadata"]
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert (labels["team"], labels[QUEUE_LABEL]) == ("shop", make_task().spec.queue), "the operator's own labels win"
    assert job["metadata"]["labels"] == labels, "policies may want them of Jobs as well"
    assert "ttlSecondsAfterFinished" not in job["spec"]
    assert manifests.job(make_task(), 2, TEMPLATE, ttl=0)["spec"]["ttlSecondsAfterFinished"] == 0
    # A Pod that a backup brings back would run the task by itself.
    assert job["metadata"]["labels"][EXCLUDE_FROM_BACKUP_LABEL] == "true"


def test_a_job_has_no_labels_for_kueue_which_would_suspend_it() -> None:
    template = TEMPLATE | {"metadata": {"labels": {"kueue.x-k8s.io/queue-name": "team-queue"}, "annotations": {}}}
    job = manifests.job(make_task(), 1, template)
    assert "kueue.x-k8s.io/queue-name" in job["spec"]["template"]["metadata"]["labels"]
    assert "kueue.x-k8s.io/queue-name" not in job["metadata"]["labels"]


def test_pod() -> None:
    pod = manifests.pod(make_job(), TEMPLATE, NAME, make_assignment())
    assert pod["metadata"]["name"] == "receipt-1"
    assert pod["metadata"]["labels"] == {"job-name": "receipt-1"}
    assert pod["metadata"]["ownerReferences"][0]["uid"] == "job-1"
    names = [variable["name"] for variable in pod["spec"]["containers"][0]["env"]]
    assert names == ["A", "DJANGOTASKS_ASSIGNMENT", "DJANGOTASKS_PAYLOAD", "DJANGOTASKS_TOKEN"]
    assert "env" not in pod["spec"]["containers"][1]


def test_a_pod_carries_its_heartbeat_timeout() -> None:
    watched = manifests.pod(make_job(), TEMPLATE, NAME, replace(make_assignment(), heartbeat_timeout=60.0))
    plain = manifests.pod(make_job(), TEMPLATE, NAME, make_assignment())
    assert watched["metadata"]["annotations"] == plain["metadata"]["annotations"] | {HEARTBEAT_ANNOTATION: "60"}
    assert HEARTBEAT_ANNOTATION not in plain["metadata"]["annotations"]


def test_a_pod_carries_how_many_retries_may_follow() -> None:
    last = manifests.pod(make_job(), TEMPLATE, NAME, replace(make_assignment(), retries_left=2))
    assert last["metadata"]["annotations"] == {RETRIES_LEFT_ANNOTATION: "2"}


def test_a_template_whose_environment_is_null() -> None:
    template = {"metadata": {"annotations": {}}, "spec": {"containers": [{"name": NAME, "env": None}]}}
    pod = manifests.pod(make_job(), template, NAME, make_assignment())
    assert len(pod["spec"]["containers"][0]["env"]) == 3


def test_dollars_in_a_payload_are_not_expanded_by_the_kubelet() -> None:
    pod = manifests.pod(make_job(), TEMPLATE, NAME, make_assignment('{"args":["$(HOME) $$ $"]}'))
    values = {variable["name"]: variable["value"] for variable in pod["spec"]["containers"][0]["env"]}
    assert values[PAYLOAD_VARIABLE] == '{"args":["$$(HOME) $$$$ $$"]}'


def test_job_status() -> None:
    done = manifests.job_status(make_attempt(finished_at=NOW), "", at(-5), NOW)
    assert [condition["type"] for condition in done["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    failed = manifests.job_status(make_attempt(finished_at=NOW, reason=Reason.OOM_KILLED), "m", at(5), NOW)
    assert [condition["type"] for condition in failed["conditions"]] == ["FailureTarget", "Failed"]
    assert failed["startTime"] == NOW.isoformat()
    assert [condition["message"] for condition in failed["conditions"]] == ["m", "m"]
