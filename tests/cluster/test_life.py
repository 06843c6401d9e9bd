"""The life of a task: from enqueue() to its result, through a real pod."""

from __future__ import annotations

from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend
from django.tasks.base import TaskResult
from django.utils import timezone
from shop import probes

from django_tasks_kubernetes.result import AttemptUsage
from tests.support.tasks import FINISH_SECONDS, GO, create_task, finish, go, wait_gone, wait_phase
from tools.kubectl import Kubectl, wait_for

EXACT: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("nothing", [], {}),
    ("numbers that int64 and float64 cannot hold", [2**63 + 1, -(2**70), 0.1, 1e300], {}),
    ("all kinds of JSON", [None, True, "", [], {}], {"nested": {"a": [1, {"b": None}]}}),
    ("any script", ["größe", "名前", "🎉", "\ud800"], {"schlüssel": "wert"}),
    ("what a shell, the kubelet or a template would expand", ["$(HOME) $$ $HOME ${X} `id` {{ 1 }} %s"], {}),
    ("what a terminal or a page would show otherwise", ["\x1b[31m\r\n\t\x00\x7f\u2028<script>alert(1)</script>"], {}),
    ("names that are not ours", [], {"context": 1, "__proto__": 2, "task": "os.system", "cls": 3}),
]


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(("args", "kwargs"), [case[1:] for case in EXACT], ids=[case[0] for case in EXACT])
def test_arguments_and_results_come_back_as_they_were(
    backend: BaseTaskBackend, args: list[Any], kwargs: dict[str, Any]
) -> None:
    result = finish(probes.echo.enqueue(*args, **kwargs))
    assert result.status == TaskResultStatus.SUCCESSFUL, result.errors
    assert result.return_value == {"args": args, "kwargs": kwargs}
    assert (result.args, result.kwargs) == (args, kwargs)


def test_deep_nesting_and_the_largest_payload(backend: BaseTaskBackend) -> None:
    nested, large = probes.echo.enqueue(deep(150)), probes.echo.enqueue("x" * (96 * 1024 - 60))
    assert finish(nested).return_value["args"] == [deep(150)]
    assert finish(large).return_value["args"] == ["x" * (96 * 1024 - 60)]


def usage_of(result: Any) -> tuple[AttemptUsage, ...]:
    found: tuple[AttemptUsage, ...] = result.usage
    return found


def test_the_fields_of_a_success(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    before = timezone.now()
    result = probes.add.using(priority=7).enqueue(1, b=2)
    assert result.status == TaskResultStatus.READY
    finish(result)
    assert (result.return_value, result.errors, result.attempts) == (3, [], 1)
    assert result.worker_ids == [f"{result.id}-1"]
    assert result.enqueued_at
    assert result.started_at
    assert result.finished_at
    # The pod's clock is this machine's.
    assert before <= result.enqueued_at <= result.started_at <= result.finished_at <= timezone.now()
    assert result.last_attempted_at == result.started_at
    again = backend.get_result(result.id)
    assert (again.task.func, again.task.priority, again.args, again.kwargs) == (probes.add.func, 7, [1], {"b": 2})
    kubectl("wait", "--for=condition=Complete", f"djangotask/{result.id}", "--timeout=60s")
    # A Python with Django, and less than its limit of 128 MiB.
    (used,) = usage_of(again)
    assert (used.attempt, usage_of(result)) == (1, (used,))
    assert used.memory_bytes is not None
    assert 10 * 2**20 < used.memory_bytes <= 128 * 2**20
    assert used.cpu_seconds is not None
    assert 0.01 < used.cpu_seconds < 120


def test_the_fields_of_a_failure(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(probes.fail.enqueue("A1"))
    assert result.status == TaskResultStatus.FAILED
    with pytest.raises(ValueError, match="failed"):
        result.return_value  # noqa: B018 - reading it raises
    (error,) = result.errors
    assert error.exception_class is probes.CardDeclined
    assert len(usage_of(result)) == 1
    assert "KeyError: 'A1'" in error.traceback
    assert "The above exception was the direct cause" in error.traceback
    assert error.traceback.rstrip().endswith("CardDeclined: no card is on file for order A1")
    _, row = kubectl("get", "djangotask", result.id, "-o", "wide").splitlines()
    assert row.split()[1:7] == ["shop.probes.fail", "default", "Failed", "1", "TaskError", f"{result.id}-1"]
    kubectl("wait", "--for=condition=Failed", f"djangotask/{result.id}", "--timeout=60s")


def test_an_async_task(backend: BaseTaskBackend) -> None:
    assert finish(probes.add_async.enqueue(2, 3)).return_value == 5


def test_a_task_that_takes_its_context(backend: BaseTaskBackend) -> None:
    result = finish(probes.describe_context.enqueue())
    pod = f"{result.id}-1"
    assert result.return_value == {"attempt": 1, "id": result.id, "worker_ids": [pod], "pod": pod}


def test_a_task_is_seen_running(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.wait_for_file.enqueue(GO)

    def running() -> TaskResult[..., Any] | None:
        result.refresh()
        return result if result.status == TaskResultStatus.RUNNING else None

    wait_for("the task runs", running, seconds=FINISH_SECONDS)
    assert (result.attempts, result.finished_at) == (1, None)
    assert result.started_at is not None
    seen_at = timezone.now()
    go(kubectl, f"{result.id}-1")
    finish(result)
    assert result.finished_at
    # The pod's clock is this machine's.
    assert result.started_at < seen_at < result.finished_at


def test_its_job_is_a_real_job(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(probes.write_lines.enqueue(3, "hello"))
    job = f"{result.id}-1"
    kubectl("wait", "--for=condition=Complete", f"job/{job}", "--timeout=240s", seconds=250)
    body = kubectl.get("job", job)
    assert body["spec"]["managedBy"] == "djangotasks.dev/operator"
    assert body["status"]["succeeded"] == 1
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"]) == ("DjangoTask", result.id)
    assert "hello 3 of 3" in kubectl("logs", f"job/{job}")
    pod = kubectl.get("pod", job)
    assert pod["metadata"]["ownerReferences"][0]["uid"] == body["metadata"]["uid"]
    assert "finalizers" not in pod["metadata"]


def test_the_job_of_a_failure_says_why(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(probes.fail.enqueue())
    job = f"{result.id}-1"
    kubectl("wait", "--for=condition=Failed", f"job/{job}", "--timeout=240s", seconds=250)
    failed = {c["type"]: c for c in kubectl.get("job", job)["status"]["conditions"]}["Failed"]
    # Jobs have more readers than tasks, so a Job does not repeat the task's words.
    assert (failed["reason"], "no card is on file" in failed["message"]) == ("TaskError", False)
    assert "no card is on file" in kubectl.get("djangotask", result.id)["status"]["message"]


def test_everything_goes_with_the_task(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = finish(probes.add.enqueue(1, 2))
    kubectl("delete", "djangotask", result.id, "--timeout=60s")
    wait_gone(kubectl, "job", f"{result.id}-1")
    wait_gone(kubectl, "pod", f"{result.id}-1")


def test_deleting_a_running_task_stops_its_pod(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    result = probes.sleep.enqueue(600)
    wait_phase(kubectl, result.id, "Running")
    kubectl("delete", "djangotask", result.id, "--timeout=60s")
    wait_gone(kubectl, "pod", f"{result.id}-1")


def test_a_name_can_be_used_again(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    for a in (1, 2):
        create_task(kubectl, "shop.probes.add", a, 1, name="again")
        assert wait_phase(kubectl, "again", "Succeeded")["result"] == str(a + 1)
        kubectl("delete", "djangotask", "again", "--timeout=60s")


def test_a_task_pod_has_no_credentials(backend: BaseTaskBackend) -> None:
    names, mounted = probes.environment_names.enqueue(), probes.files.enqueue("/var/run/secrets/kubernetes.io")
    seen = finish(names).return_value
    assert "DJANGOTASKS_TOKEN" not in seen
    assert "DJANGOTASKS_PAYLOAD" not in seen
    assert finish(mounted).return_value is None


def test_a_child_process_that_is_left_behind_does_not_hold_the_task_up(backend: BaseTaskBackend) -> None:
    assert isinstance(finish(probes.spawn_child.enqueue(600)).return_value, int)


def test_the_task_is_deleted_when_its_time_is_over(backend: BaseTaskBackend, kubectl: Kubectl) -> None:
    name = create_task(kubectl, "shop.probes.add", 1, 2, policy={"ttlSecondsAfterFinished": 1})
    wait_gone(kubectl, "djangotask", name)
    wait_gone(kubectl, "pod", f"{name}-1")
