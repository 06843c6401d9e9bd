"""DjangoTask ↔ TaskResult, as tables."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.tasks import TaskResultStatus
from django.tasks.base import TaskError
from django.test import override_settings
from django.utils.module_loading import import_string

from django_tasks_kubernetes import codec
from django_tasks_kubernetes.exceptions import AttemptFailed, InvalidPayload, InvalidResource
from django_tasks_kubernetes.reasons import EXCEPTIONS
from django_tasks_kubernetes.results import KubernetesResult
from django_tasks_kubernetes.times import to_wire
from djangotasks_api.phases import Phase, Reason
from tests.unit.backend import tasks

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


def test_what_is_encoded_is_decoded() -> None:
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
    made = codec.encode(result, {"payload": '{"args":[1],"kwargs":{}}'})
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
    assert codec.decode(deepcopy(made), alias="default") == result


def test_the_contracts_models_take_what_is_encoded() -> None:
    models = pytest.importorskip("djangotasks_api.models")
    made = codec.encode(codec.decode(resource(), alias="default"), {"payload": '{"args":[1],"kwargs":{}}'})
    spec = models.DjangoTask.model_validate(made).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert spec.keys() == made["spec"].keys()


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_has_a_status(phase: Phase) -> None:
    assert codec.decode(resource({"phase": phase}), alias="default").status == codec.STATUSES[phase]


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
def test_a_missing_or_unknown_phase(status: dict[str, Any] | None, expected: str) -> None:
    assert codec.decode(resource(status), alias="default").status == expected


def test_a_queued_task_has_no_times_but_its_own() -> None:
    result = codec.decode(resource(), alias="default")
    assert result.enqueued_at == moment(0)
    assert (result.started_at, result.last_attempted_at, result.finished_at) == (None, None, None)
    assert (result.errors, result.worker_ids, result.attempts) == ([], [], 0)
    assert (result.args, result.kwargs) == ([1], {"a": 2})


def test_the_times_of_a_task_that_was_tried_twice() -> None:
    status = {
        "phase": "Succeeded",
        "startedAt": AT.format(1),
        "finishedAt": AT.format(4),
        "attempts": [attempt(1, finishedAt=AT.format(2), reason="OOMKilled", message="memory limit"), attempt(3)],
        "result": "9223372036854775809",
    }
    result = codec.decode(resource(status, enqueuedAt=AT.format(0)), alias="default")
    assert result.started_at == moment(1)
    assert result.last_attempted_at == moment(3)
    assert result.finished_at == moment(4)
    assert result.worker_ids == ["t1-1", "t1-3"]
    assert result.return_value == 2**63 + 1
    assert result.errors == [
        TaskError(
            exception_class_path="django_tasks_kubernetes.exceptions.OutOfMemory", traceback="OOMKilled: memory limit"
        )
    ]
    assert result.errors[0].exception_class.__name__ == "OutOfMemory"


def test_a_pod_that_never_started_is_no_worker() -> None:
    pending = attempt(1) | {"startedAt": None}
    result = codec.decode(resource({"phase": "Starting", "attempts": [pending]}), alias="default")
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
def test_errors(status: dict[str, Any], errors: list[tuple[str, str]]) -> None:
    found = [
        (error.exception_class_path.removeprefix("django_tasks_kubernetes.exceptions."), error.traceback)
        for error in codec.decode(resource(status), alias="default").errors
    ]
    assert found == errors


def test_every_reason_has_an_importable_exception() -> None:
    assert EXCEPTIONS.keys() == set(Reason)
    for class_ in EXCEPTIONS.values():
        assert issubclass(class_, AttemptFailed)
        assert import_string(f"{class_.__module__}.{class_.__qualname__}") is class_


def test_what_the_settings_no_longer_allow_stays_readable() -> None:
    result = codec.decode(resource(queue="gone", priority=5), alias="default")
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
def test_a_task_that_is_none_here(path: str, message: str) -> None:
    with pytest.raises(InvalidResource, match=message):
        codec.decode(resource(task=path), alias="default")


def test_a_result_that_is_not_json() -> None:
    with pytest.raises(InvalidResource, match="result of task t1 is not JSON"):
        codec.decode(resource({"phase": "Succeeded", "result": "{"}), alias="default")


def test_a_success_without_a_result_returned_none() -> None:
    assert codec.decode(resource({"phase": "Succeeded"}), alias="default").return_value is None


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[]",
        "null",
        '{"args":[]}',
        '{"args":{},"kwargs":{}}',
        '{"args":[],"kwargs":[]}',
        '{"args":[],"kwargs":{},"more":1}',
        "[" * 100_000,
    ],
    ids=lambda payload: payload[:20],
)
def test_a_payload_written_by_hand(payload: str) -> None:
    with pytest.raises(InvalidPayload):
        codec.decode_payload(payload)
    assert codec.decode(resource({"phase": "Failed"}, payload=payload), alias="default").args == []


def test_references_that_are_wrong() -> None:
    assert codec.decode(resource(payloadRef={"name": "x"}), alias="default").args == []
    with pytest.raises(InvalidResource, match="resultRef is wrong: storage must be"):
        codec.decode(resource({"phase": "Succeeded", "resultRef": {"name": "x"}}), alias="default")


def test_without_use_tz_times_are_naive_and_local() -> None:
    with override_settings(USE_TZ=False, TIME_ZONE="Asia/Kolkata"):
        result = codec.decode(resource({"phase": "Running", "startedAt": AT.format(1)}), alias="default")
        assert result.started_at == datetime(2026, 11, 23, 9, 30, 1)  # noqa: DTZ001
        assert to_wire(result.started_at) == AT.format(1)
