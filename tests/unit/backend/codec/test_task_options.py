"""The options of a task: at import, with using(), and in the resource."""

import copy
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import django
import pytest
from django.tasks import task, task_backends
from django.tasks.exceptions import InvalidTask
from django.test import override_settings

from django_tasks_kubernetes import Fixed, Retry, exceptions
from django_tasks_kubernetes.codec.task_options import to_spec
from django_tasks_kubernetes.codec.times import from_wire
from django_tasks_kubernetes.task import KubernetesTask
from django_tasks_kubernetes.testing import in_memory
from djangotasks_api.models import TaskSpec
from tests.unit.backend import tasks

ECHO: Any = tasks.echo
MANY = tuple(type(f"E{n}", (Exception,), {}) for n in range(25))
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONCE: dict[str, Any] = {"initialSeconds": 1, "maxSeconds": 1, "factor": 1, "jitter": False}


def spec_of(**options: Any) -> dict[str, Any]:
    with in_memory() as cluster:
        ECHO.using(**options).enqueue()
        (resource,) = cluster.resources.values()
    spec: dict[str, Any] = resource["spec"]
    TaskSpec.model_validate(spec)  # the schema agrees
    return spec


@pytest.mark.parametrize(
    ("options", "field", "expected"),
    [
        ({}, "policy", None),
        ({"retry": Retry(max_attempts=5, backoff=Fixed(delay=1))}, "policy", {"maxAttempts": 5, "backoff": ONCE}),
        ({"retry": Retry(max_attempts=2, backoff=Fixed(), on=(Exception,))}, "policy", {"maxAttempts": 2, "backoff": ONCE}),
        ({"retry": Retry(max_attempts=2, backoff=Fixed(), on=(ConnectionError, tasks.Refused))}, "policy",
         {"maxAttempts": 2, "backoff": ONCE,
          "retryOn": ["builtins.ConnectionError", "tests.unit.backend.tasks.Refused"]}),
        ({"retry": Retry(max_attempts=2, backoff=Fixed(), on=(TimeoutError,), never=(exceptions.ProcessExited,))}, "policy",
         {"maxAttempts": 2, "backoff": ONCE, "retryOn": ["builtins.TimeoutError", "DeadlineExceeded", "HeartbeatTimeout"],
          "neverRetryOn": ["django_tasks_kubernetes.exceptions.ProcessExited", "ProcessExited", "OOMKilled"]}),
        ({"timeout": timedelta(minutes=10), "grace_period": 5, "start_timeout": 90, "ttl": timedelta(days=1)}, "policy",
         {"timeoutSeconds": 600, "gracePeriodSeconds": 5, "startTimeoutSeconds": 90, "ttlSecondsAfterFinished": 86400}),
        ({"timeout": 0.2, "ttl": 0}, "policy", {"timeoutSeconds": 1, "ttlSecondsAfterFinished": 0}),
        ({"expires": NOON}, "expiresAt", "2026-11-23T12:00:00.000000Z"),
        ({"resources": {"memory": "2Gi", "cpu": 2}}, "overrides",
         {"resources": {"requests": {"memory": "2Gi", "cpu": "2"}, "limits": {"memory": "2Gi", "cpu": "2"}}}),
        ({"resources": {"requests": {"cpu": "500m"}}, "node_selector": {"disk": "ssd"}}, "overrides",
         {"resources": {"requests": {"cpu": "500m"}}, "nodeSelector": {"disk": "ssd"}}),
        ({"idempotency_key": "report-2026-11"}, "idempotencyKey", "report-2026-11"),
    ],
)  # fmt: skip
def test_task_options_in_the_resource(options: dict[str, Any], field: str, expected: Any) -> None:
    assert spec_of(**options).get(field) == expected


def test_expires_is_relative_to_enqueue() -> None:
    spec = spec_of(expires=timedelta(minutes=5))
    passed = datetime.fromisoformat(spec["expiresAt"]) - datetime.fromisoformat(spec["enqueuedAt"])
    assert passed == timedelta(minutes=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retry": 3}, r"Task echo: retry must be Retry\(…\), not 3."),
        ({"timeout": timedelta(0)}, "timeout must be from 1 s to 3.1536e.07 s"),
        ({"timeout": "10m"}, "timeout must be a timedelta or a number of seconds, not '10m'"),
        ({"ttl": -1}, "ttl must be from 0 s"),
        ({"grace_period": timedelta(days=2)}, "grace_period must be from 0 s to 86400 s"),
        ({"expires": datetime(2026, 11, 23)}, "expires must be an aware datetime"),  # noqa: DTZ001
        ({"expires": "tomorrow"}, "expires must be a timedelta"),
        ({"resources": {"memory": "2 GB"}}, "'memory'. must be an amount such as '2Gi'"),
        ({"resources": "2Gi"}, "resources must be a dict such as"),
        ({"resources": {"limits": "2Gi"}}, "'limits'. must be a dict of amounts"),
        ({"node_selector": {"disk": 1}}, "node_selector must be a dict of labels"),
        ({"idempotency_key": ""}, "idempotency_key must be a text of 1 to 256 characters"),
        ({"idempotency_key": 17}, "idempotency_key must be a text"),
        ({"retry": Retry(never=(*MANY, exceptions.AttemptFailed))},
         r"Retry\(never=…\) stands for \d+ names; 32 are allowed"),
    ],
)  # fmt: skip
def test_task_options_refuse_wrong_values(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidTask, match=message):
        ECHO.using(**options)


def test_task_options_refuse_an_unknown_option() -> None:
    with pytest.raises(TypeError, match=r"using\(\) has no option retires. There are: backend, expires, "):
        ECHO.using(retires=3)


def decorated(**options: Any) -> Any:
    """As the module is imported. Django 6.0 has no @task(**kwargs), and makes the task all the same."""
    if django.VERSION >= (6, 1):
        return task(**options)(tasks.plain)
    return task_backends["default"].task_class(func=tasks.plain, **options)


def test_decorator_takes_task_options() -> None:
    made = decorated(retry=Retry(max_attempts=7), queue_name="mail")
    assert (type(made), made.retry.max_attempts, made.queue_name) == (KubernetesTask, 7, "mail")
    with pytest.raises(InvalidTask, match="Task plain: timeout must be from 1 s"):
        decorated(timeout=0)
    with pytest.raises(TypeError, match=r"^@task has no option retires\. There are: backend, expires, "):
        decorated(retires=3)


def test_using_keeps_other_options() -> None:
    first = ECHO.using(retry=Retry(max_attempts=7), timeout=5)
    second = first.using(timeout=None, priority=3)
    assert (second.retry.max_attempts, second.timeout, second.priority) == (7, 5, 3)
    assert ECHO.retry is None


def test_task_copy_keeps_its_options() -> None:
    made = ECHO.using(retry=Retry(max_attempts=7, on=(OSError,)), timeout=timedelta(seconds=5))
    assert replace(made) == made
    assert copy.copy(made) == made
    if django.VERSION >= (6, 1):
        assert pickle.loads(pickle.dumps(made)) == made


@override_settings(USE_TZ=False, TIME_ZONE="Europe/Berlin")
@pytest.mark.parametrize(("utc", "seconds"), [("01:10", 600), ("00:50", 1800), ("00:10", 7200)])
def test_expires_is_so_much_later_also_when_summer_time_ends(utc: str, seconds: int) -> None:
    enqueued_at = from_wire(f"2026-10-25T{utc}:00Z")
    assert enqueued_at is not None
    expires_at = datetime.fromisoformat(to_spec({"expires": seconds}, enqueued_at)["expiresAt"])
    assert (expires_at - datetime.fromisoformat(f"2026-10-25T{utc}:00Z")).total_seconds() == seconds
