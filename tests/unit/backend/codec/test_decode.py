"""DjangoTask ↔ TaskResult, as tables."""

import sys
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.test import override_settings

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.codec.decode import decode, progress_of
from django_tasks_kubernetes.codec.encode import encode
from django_tasks_kubernetes.codec.resource import STATUSES
from django_tasks_kubernetes.codec.times import to_wire
from django_tasks_kubernetes.exceptions import InvalidResource
from django_tasks_kubernetes.result import AttemptUsage, EnqueuedBy, KubernetesResult, Progress
from djangotasks_api.phases import Phase
from tests.unit.backend import tasks
from tests.unit.backend.runner.test_progress import NOON

AT = "2026-11-23T04:00:0{}.000000Z"


def resource(status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    made = {
        "metadata": {"name": "t1", "creationTimestamp": AT.format(0)},
        "spec": {"task": "tests.unit.backend.tasks.echo", "payload": '{"args":[1],"kwargs":{"a":2}}'} | spec,
    }
    return made if status is None else made | {"status": status}


def attempt(number: int, **more: Any) -> dict[str, Any]:
    return {"number": number, "job": f"t1-{number}", "pod": f"t1-{number}", "startedAt": AT.format(number)} | more


def moment(second: int) -> datetime:
    return datetime(2026, 11, 23, 4, 0, second, tzinfo=UTC)


def test_encoded_task_is_decoded() -> None:
    run_after = datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    task = tasks.echo.using(priority=-100, queue_name="mail", run_after=run_after)
    result = KubernetesResult(
        task=task,
        id="t1",
        status=TaskResultStatus.READY,
        enqueued_at=datetime(2026, 11, 23, 4, 0, 0, 123456, tzinfo=UTC),
        started_at=None,
        finished_at=None,
        last_attempted_at=None,
        args=[1],
        kwargs={},
        backend="default",
        errors=[],
        worker_ids=[],
    )
    made = encode(result, {"payload": '{"args":[1],"kwargs":{}}'})
    assert made == {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTask",
        "metadata": {"name": "t1", "labels": {"djangotasks.dev/queue": "mail"}},
        "spec": {
            "task": "tests.unit.backend.tasks.echo",
            "queue": "mail",
            "backend": "default",
            "priority": -100,
            "enqueuedAt": "2026-11-23T04:00:00.123456Z",
            "runAfter": "2027-01-01T06:30:00.000000Z",
            "payload": '{"args":[1],"kwargs":{}}',
        },
    }
    assert decode(deepcopy(made), alias="default") == result


def test_encoded_task_is_valid_for_the_contracts_models() -> None:
    models = pytest.importorskip("djangotasks_api.models")
    made = encode(decode(resource(), alias="default"), {"payload": '{"args":[1],"kwargs":{}}'})
    spec = models.DjangoTask.model_validate(made).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert spec.keys() == made["spec"].keys()


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_a_status(phase: Phase) -> None:
    assert decode(resource({"phase": phase}), alias="default").status == STATUSES[phase]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, "READY"),
        ({}, "READY"),
        ({"phase": "Dreaming"}, "READY"),
        ({"phase": "Dreaming", "startedAt": AT.format(1)}, "RUNNING"),
        ({"phase": "Fine", "conditions": [{"type": "Complete", "status": "True"}]}, "SUCCESSFUL"),
        ({"phase": "Gone", "conditions": [{"type": "Failed", "status": "True"}]}, "FAILED"),
        ({"phase": "Gone", "conditions": [{"type": "Failed", "status": "False"}]}, "READY"),
    ],
)
def test_status_of_a_missing_or_unknown_phase(status: dict[str, Any] | None, expected: str) -> None:
    assert decode(resource(status), alias="default").status == expected


def test_queued_task_has_only_the_time_of_enqueue() -> None:
    result = decode(resource(), alias="default")
    assert result.enqueued_at == moment(0)
    assert (result.started_at, result.last_attempted_at, result.finished_at) == (None, None, None)
    assert (result.errors, result.worker_ids, result.attempts) == ([], [], 0)
    assert (result.args, result.kwargs) == ([1], {"a": 2})


def test_times_of_a_task_with_two_attempts() -> None:
    status = {
        "phase": "Succeeded",
        "startedAt": AT.format(1),
        "finishedAt": AT.format(4),
        "attempts": [attempt(1, finishedAt=AT.format(2), reason="OOMKilled", message="memory limit"), attempt(3)],
        "result": "9223372036854775809",
    }
    result = decode(resource(status, enqueuedAt=AT.format(0)), alias="default")
    assert result.started_at == moment(1)
    assert result.last_attempted_at == moment(3)
    assert result.finished_at == moment(4)
    assert result.worker_ids == ["t1-1", "t1-3"]
    assert result.return_value == 2**63 + 1
    (error,) = result.errors
    assert (error.exception_class, error.traceback) == (exceptions.OutOfMemory, "OOMKilled: memory limit")
    assert result.errors[0].exception_class.__name__ == "OutOfMemory"


def test_worker_ids_have_only_pods_that_started() -> None:
    pending = attempt(1) | {"startedAt": None}
    result = decode(resource({"phase": "Starting", "attempts": [pending]}), alias="default")
    assert (result.worker_ids, result.errors, result.started_at) == ([], [], None)


ERROR = {"type": "shop.NoStock", "traceback": "Traceback …"}


@pytest.mark.parametrize(
    ("status", "errors"),
    [
        pytest.param(
            {"phase": "Failed", "reason": "TaskError", "attempts": [attempt(1, reason="TaskError", error=ERROR)]},
            [("shop.NoStock", "Traceback …")],
            id="an exception",
        ),
        pytest.param(
            {"phase": "Retrying", "attempts": [attempt(1, finishedAt=AT.format(2), reason="TaskError", error=ERROR)]},
            [("shop.NoStock", "Traceback …")],
            id="an exception, to be tried again",
        ),
        pytest.param(
            {"phase": "Failed", "attempts": [attempt(1, reason="ProcessExited", exitCode=3)]},
            [("ProcessExited", "ProcessExited: exit code 3")],
            id="an exit code",
        ),
        pytest.param(
            {
                "phase": "Failed",
                "reason": "TooManyInterruptions",
                "message": "2 of 2",
                "attempts": [attempt(1, reason="Evicted", message="disk"), attempt(2, reason="NodeLost")],
            },
            [
                ("Interrupted", "Evicted: disk"),
                ("Interrupted", "NodeLost"),
                ("Interrupted", "TooManyInterruptions: 2 of 2"),
            ],
            id="interruptions, and the task's own reason",
        ),
        pytest.param(
            {"phase": "Cancelled", "reason": "CancelRequested", "message": "cancelled before its start"},
            [("Cancelled", "CancelRequested: cancelled before its start")],
            id="cancelled before an attempt",
        ),
        pytest.param({"phase": "Cancelled"}, [("Cancelled", "Cancelled")], id="cancelled, nothing said"),
        pytest.param({"phase": "Failed"}, [("AttemptFailed", "Failed")], id="failed, nothing said"),
        pytest.param(
            {"phase": "Failed", "reason": "FromTheFuture", "message": "new"},
            [("AttemptFailed", "FromTheFuture: new")],
            id="a reason of a newer operator",
        ),
        pytest.param(
            {"phase": "Starting", "reason": "ImagePullFailed", "attempts": [attempt(1, reason="ImagePullFailed")]},
            [],
            id="it waits, and nothing has failed yet",
        ),
    ],
)
def test_errors_of_attempts_and_task(status: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    found = [
        (error.exception_class_path.removeprefix("django_tasks_kubernetes.exceptions."), error.traceback)
        for error in decode(resource(status), alias="default").errors
    ]
    assert found == errors


def test_decode_takes_a_queue_that_settings_no_longer_have() -> None:
    result = decode(resource(queue="gone", priority=5), alias="default")
    assert (result.task.queue_name, result.task.priority, result.task.func) == ("gone", 5, tasks.echo.func)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("tests.unit.backend.tasks.gone", "cannot be imported here"),
        ("nowhere.task", "cannot be imported here"),
        ("tests.unit.backend.tasks.plain", "is function here, not a task"),
        ("os.getcwd", "not a task"),
    ],
)
def test_decode_raises_for_a_task_that_does_not_import(path: str, message: str) -> None:
    with pytest.raises(InvalidResource, match=message):
        decode(resource(task=path), alias="default")


@pytest.fixture
def shallow() -> Iterator[None]:
    """Python's own limit is below that of the reader of JSON, whatever Python this is."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    yield
    sys.setrecursionlimit(before)


def test_decode_raises_for_arguments_that_are_nested_too_deep(shallow: None) -> None:
    """Such as the result of a step that another one takes. A RecursionError ended the whole list that it was in."""
    deep = resource(payload=f'{{"args":[{"[" * 800}{"]" * 800}],"kwargs":{{}}}}')
    with pytest.raises(InvalidResource, match="cannot be shown: maximum recursion depth exceeded"):
        decode(deep, alias="default")


def test_decode_raises_for_a_result_that_is_not_json() -> None:
    with pytest.raises(InvalidResource, match="result of task t1 is not JSON"):
        decode(resource({"phase": "Succeeded", "result": "{"}), alias="default")


def test_success_without_a_result_returned_none() -> None:
    assert decode(resource({"phase": "Succeeded"}), alias="default").return_value is None


def test_decode_of_wrong_storage_references() -> None:
    assert decode(resource(payloadRef={"name": "x"}), alias="default").args == []
    with pytest.raises(InvalidResource, match="resultRef is wrong: storage must be"):
        decode(resource({"phase": "Succeeded", "resultRef": {"name": "x"}}), alias="default")


def test_times_are_naive_and_local_without_use_tz() -> None:
    with override_settings(USE_TZ=False, TIME_ZONE="Asia/Kolkata"):
        result = decode(resource({"phase": "Running", "startedAt": AT.format(1)}), alias="default")
        assert result.started_at == datetime(2026, 11, 23, 9, 30, 1)  # noqa: DTZ001
        assert to_wire(result.started_at) == AT.format(1)


def test_result_says_which_task_has_enqueued_it() -> None:
    parent = {"name": "parent", "uid": "u", "attempt": 2}
    assert decode(resource(enqueuedBy=parent), alias="default").enqueued_by == EnqueuedBy(id="parent", attempt=2)
    assert decode(resource(), alias="default").enqueued_by is None


def test_decode_has_the_schedule_of_a_task() -> None:
    result = decode(resource(schedule="nightly", scheduledFor="2026-11-23T04:00:05+00:00"), alias="default")
    assert (result.schedule, result.scheduled_for) == ("nightly", moment(5))
    enqueued = decode(resource(), alias="default")
    assert (enqueued.schedule, enqueued.scheduled_for) == (None, None)


def test_result_has_what_attempts_have_used() -> None:
    used = {"memoryBytes": 104_857_600, "memoryLimitBytes": 2**28, "cpuSeconds": 2.5}
    attempts = [
        attempt(1, usage={"memoryBytes": 2**29}),
        attempt(2),
        attempt(3, usage=used),
    ]
    found = decode(resource({"phase": "Running", "attempts": attempts}), alias="default").usage
    assert found == (
        AttemptUsage(attempt=1, memory_bytes=2**29),
        AttemptUsage(attempt=3, memory_bytes=104_857_600, memory_limit_bytes=2**28, cpu_seconds=2.5),
    )


def test_progress_of_a_resource() -> None:
    assert progress_of(None) is None
    assert progress_of({"text": "5"}) is None
    found = {"done": 5, "text": "5", "attempt": 2, "updatedAt": "2026-11-23T12:00:00Z", "new": 1}
    assert progress_of(found) == Progress(done=5, updated_at=NOON)
