"""The Job and the Pod of an attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from djangotasks_api.assignment import PAYLOAD_VARIABLE, Assignment
from djangotasks_api.models import QueueSpec
from djangotasks_api.phases import Reason
from djangotasks_operator import manifests
from djangotasks_operator.observed import HEARTBEAT_ANNOTATION
from tests.support.builders import NOW, at, make_attempt, make_job, make_task

WEB: dict[str, Any] = {
    "metadata": {"labels": {"app": "web"}, "annotations": {"team": "shop"}},
    "spec": {
        "serviceAccountName": "web",
        "containers": [
            {
                "name": "web",
                "image": "shop:7",
                "command": ["gunicorn"],
                "args": ["shop.wsgi"],
                "env": [{"name": "A", "value": "1"}],
                "ports": [{"containerPort": 8000}],
                "livenessProbe": {},
                "readinessProbe": {},
                "lifecycle": {},
                "securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
            },
            {"name": "proxy", "image": "proxy:1"},
        ],
    },
}


def followed(**spec: Any) -> QueueSpec:
    return QueueSpec.model_validate({"podTemplateFrom": {"deployment": "web"}} | spec)


def assignment(payload: str = "{}") -> Assignment:
    return Assignment(
        id="receipt", namespace="shop", uid="u", attempt=1, worker_id="receipt-1", task="shop.tasks.x", queue="default",
        backend="default", priority=0, enqueued_at="", run_after=None, worker_ids=(), started_at=None,
        url="http://10.0.0.1", token="t", payload=payload,
    )  # fmt: skip


def test_a_deployments_pod_becomes_a_tasks_pod() -> None:
    template, name = manifests.pod_template(WEB, followed())
    spec = template["spec"]
    web, proxy = spec["containers"]
    assert name == "web"
    assert (web["image"], web["env"]) == ("shop:7", [{"name": "A", "value": "1"}])
    assert web["command"] == ["python", "-m", "django_tasks_kubernetes.runner"]
    assert not {"args", "ports", "livenessProbe", "readinessProbe", "lifecycle"} & set(web)
    assert web["terminationMessagePolicy"] == "FallbackToLogsOnError"
    assert proxy["image"] == "proxy:1"
    assert (spec["restartPolicy"], spec["automountServiceAccountToken"]) == ("Never", False)
    assert spec["serviceAccountName"] == "web"


def test_a_deployments_labels_are_left_behind() -> None:
    """A Service that selects them would send web requests to the task's pod."""
    template, _ = manifests.pod_template(WEB, followed())
    assert template["metadata"]["labels"] == {}
    assert template["metadata"]["annotations"]["team"] == "shop"


def test_a_queues_own_labels_are_kept() -> None:
    template, _ = manifests.pod_template(WEB, QueueSpec(template=WEB))
    assert template["metadata"]["labels"] == {"app": "web"}


def test_the_restricted_standard_is_filled_in_where_the_template_is_silent() -> None:
    spec = manifests.pod_template(WEB, followed())[0]["spec"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    web, proxy = spec["containers"]
    assert web["securityContext"]["capabilities"] == {"add": ["NET_BIND_SERVICE"]}
    assert proxy["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_the_template_itself_is_not_changed() -> None:
    before = repr(WEB)
    template, _ = manifests.pod_template(WEB, followed())
    manifests.job(make_task(), 1, template)
    assert repr(WEB) == before


@pytest.mark.parametrize(
    ("own", "wish", "expected"),
    [(True, None, False), (True, False, False), (True, True, True), (False, None, False), (False, True, False)],
)
def test_a_token_is_given_by_a_queues_own_template_alone(own: bool, wish: bool | None, expected: bool) -> None:
    source = WEB | {"spec": WEB["spec"] | ({} if wish is None else {"automountServiceAccountToken": wish})}
    template, _ = manifests.pod_template(source, QueueSpec(template=source) if own else followed())
    assert template["spec"]["automountServiceAccountToken"] is expected


def test_another_container_and_command_can_be_chosen() -> None:
    template, name = manifests.pod_template(WEB, followed(container="proxy", command=["/bin/run"]))
    assert name == "proxy"
    assert template["spec"]["containers"][1]["command"] == ["/bin/run"]


@pytest.mark.parametrize(
    ("template", "container", "words"),
    [
        ({}, None, "no spec.containers"),
        ({"spec": {"containers": []}}, None, "no spec.containers"),
        ({"spec": {"containers": ["web"]}}, None, "must be an object"),
        (WEB, "worker", "no container 'worker'; it has: web, proxy"),
    ],
)
def test_a_template_that_cannot_run_a_task(template: dict[str, Any], container: str | None, words: str) -> None:
    with pytest.raises(manifests.InvalidTemplate, match=words):
        manifests.pod_template(template, followed(container=container))


def test_job() -> None:
    template, _ = manifests.pod_template(WEB, followed())
    job = manifests.job(make_task(), 2, template)
    assert job["metadata"]["name"] == "receipt-2"
    assert job["spec"]["managedBy"] == "djangotasks.dev/operator"
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("DjangoTask", "uid-of-the-task", True)
    assert "finalizers" not in job["metadata"]
    assert job["metadata"]["labels"].items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_pod() -> None:
    template, name = manifests.pod_template(WEB, followed())
    pod = manifests.pod(make_job(), template, name, assignment())
    assert pod["metadata"]["name"] == "receipt-1"
    assert pod["metadata"]["labels"] == {"job-name": "receipt-1"}
    assert pod["metadata"]["ownerReferences"][0]["uid"] == "job-1"
    names = [variable["name"] for variable in pod["spec"]["containers"][0]["env"]]
    assert names == ["A", "DJANGOTASKS_ASSIGNMENT", "DJANGOTASKS_PAYLOAD", "DJANGOTASKS_TOKEN"]
    assert "env" not in pod["spec"]["containers"][1]


def test_a_pod_says_how_long_it_was_told_that_it_may_be_silent() -> None:
    template, name = manifests.pod_template(WEB, followed())
    watched = manifests.pod(make_job(), template, name, replace(assignment(), heartbeat_timeout=60.0))
    plain = manifests.pod(make_job(), template, name, assignment())
    assert watched["metadata"]["annotations"] == plain["metadata"]["annotations"] | {HEARTBEAT_ANNOTATION: "60"}
    assert HEARTBEAT_ANNOTATION not in plain["metadata"]["annotations"]


def test_dollars_in_a_payload_are_not_expanded_by_the_kubelet() -> None:
    template, name = manifests.pod_template(WEB, followed())
    pod = manifests.pod(make_job(), template, name, assignment('{"args":["$(HOME) $$ $"]}'))
    values = {variable["name"]: variable["value"] for variable in pod["spec"]["containers"][0]["env"]}
    assert values[PAYLOAD_VARIABLE] == '{"args":["$$(HOME) $$$$ $$"]}'


def test_job_status() -> None:
    done = manifests.job_status(make_attempt(finished_at=NOW), at(-5), NOW)
    assert [condition["type"] for condition in done["conditions"]] == ["SuccessCriteriaMet", "Complete"]
    failed = manifests.job_status(make_attempt(finished_at=NOW, reason=Reason.OOM_KILLED, message="m"), at(5), NOW)
    assert [condition["type"] for condition in failed["conditions"]] == ["FailureTarget", "Failed"]
    assert failed["startTime"] == NOW.isoformat()
