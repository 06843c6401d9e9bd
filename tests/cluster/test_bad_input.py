"""What cannot work fails early, says why, and leaves the operator unmoved."""

from __future__ import annotations

from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.utils.module_loading import import_string
from shop import probes

from tests.support.operator import OperatorProcess
from tests.support.tasks import create_task, finish, scheduled_task, wait_phase, wait_reason
from tools.kubectl import Kubectl, StepFailed
from tools.manifests import queue_manifest


def test_a_return_value_that_is_not_json(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(probes.return_object.enqueue())
    assert result.status == TaskResultStatus.FAILED
    assert result.errors[0].exception_class is TypeError
    assert "object" in result.errors[0].traceback
    assert wait_phase(kubectl, result.id, "Failed")["reason"] == "ResultNotSerializable"


def test_a_return_value_that_is_too_large(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    fits, too_large = probes.return_bytes.enqueue(512 * 1024 - 2), probes.return_bytes.enqueue(512 * 1024)
    assert len(finish(fits).return_value) == 512 * 1024 - 2
    assert finish(too_large).status == TaskResultStatus.FAILED
    status = wait_phase(kubectl, too_large.id, "Failed")
    assert status["reason"] == "ResultTooLarge"
    assert "524" in status["message"], "the message names the sizes"


@pytest.mark.parametrize(
    ("task", "reason", "words"),
    [
        ("shop.nothing.here", "TaskNotFound", "shop.nothing"),
        ("shop.probes.nothing", "TaskNotFound", "nothing"),
        ("shop.probes.not_a_task", "NotATask", "not_a_task"),
        ("os.system", "NotATask", "os.system"),
        ("builtins.eval", "NotATask", "builtins.eval"),
    ],
)
def test_a_path_that_is_no_task(backend: BaseTaskBackend, kubectl: Kubectl, task: str, reason: str, words: str) -> None:
    name = create_task(kubectl, task, "echo hacked", policy={"maxAttempts": 2})
    status = wait_phase(kubectl, name, "Failed")
    # By the policy, as other failures: a rollout may not have brought the task yet.
    assert (status["reason"], len(status["attempts"])) == (reason, 2)
    assert words in status["message"]


@pytest.mark.parametrize(
    "payload",
    ["", "{", "null", "[]", '{"args":1}', '{"args":[],"kwargs":[]}', '{"args":[],"kwargs":{"1 2":3}}', "NaN", "x" * 98304],
)  # fmt: skip
def test_a_payload_written_by_hand(backend: BaseTaskBackend, kubectl: Kubectl, payload: str) -> None:
    name = create_task(kubectl, "shop.probes.add", payload=payload)
    status = wait_phase(kubectl, name, "Failed")
    assert status["reason"] in ("InvalidPayload", "TaskError")
    assert status["message"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "not a path"}, "spec.task"),
        ({"task": "shop"}, "spec.task"),
        ({"task": "../etc.passwd"}, "spec.task"),
        ({"task": 5}, "spec.task"),
        ({"queue": "Upper"}, "spec.queue"),
        ({"priority": 101}, "spec.priority"),
        ({"priority": 1.5}, "spec.priority"),
        ({"runAfter": "tomorrow"}, "spec.runAfter"),
        ({"payload": "x" * 98305}, "spec.payload"),
        ({"payload": {"args": []}}, "spec.payload"),
        ({"policy": {"maxAttempts": 0}}, "spec.policy.maxAttempts"),
        ({"policy": {"backoff": {"factor": 0}}}, "spec.policy.backoff.factor"),
    ],
)
def test_garbage_is_refused_by_the_api_server(kubectl: Kubectl, change: dict[str, Any], words: str) -> None:
    manifest = scheduled_task()
    manifest["spec"] |= change
    with pytest.raises(StepFailed, match=words.replace(".", r"\.")):
        kubectl.apply(manifest)


def test_a_time_beyond_what_python_reads_harms_nobody(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    with pytest.raises(StepFailed, match="runAfter"):
        create_task(kubectl, runAfter="0000-01-01T00:00:00Z")
    # The last instant that the schema takes is after Python's last year.
    name = create_task(kubectl, runAfter="9999-12-31T23:59:59-23:59")
    assert finish(probes.add.enqueue(1, 2)).return_value == 3
    assert kubectl.get("djangotask", name).get("status", {}).get("phase", "Queued") == "Queued"
    assert operator.running


def test_a_queue_that_cannot_run_tasks_says_so(
    backend: BaseTaskBackend, kubectl: Kubectl, operator: OperatorProcess
) -> None:
    broken = queue_manifest("broken", "irrelevant", container_update={"imagePullPolicy": "Sometimes"})
    empty = queue_manifest("empty", "irrelevant", pod_update={"containers": []})
    named = queue_manifest("named", "irrelevant", container="worker")
    kubectl.apply(broken, empty, named)
    words = {"broken": "Sometimes", "empty": "no spec.containers", "named": "no container 'worker'; it has: task"}
    names = {queue: create_task(kubectl, queue=queue) for queue in words}
    for queue, name in names.items():
        status = wait_reason(kubectl, name, "InvalidTemplate")
        assert (status["phase"], words[queue] in status["message"]) == ("Queued", True), status
    assert operator.running


def test_every_exception_path_of_a_result_can_be_imported(backend: BaseTaskBackend) -> None:
    result = finish(probes.exit_process.enqueue(3))
    (error,) = result.errors
    assert import_string(error.exception_class_path) is error.exception_class
