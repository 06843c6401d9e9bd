"""@task of this package: the same code under every backend. mypy checks its types here, as for users."""

import sys
from copy import deepcopy
from datetime import timedelta
from typing import Any, assert_type

import pytest
from django.tasks import Task, TaskContext
from django.tasks.backends.immediate import ImmediateBackend
from django.tasks.exceptions import InvalidTask
from django.test import override_settings

from django_tasks_kubernetes import KubernetesTaskContext, Retry
from django_tasks_kubernetes.decorators import task
from django_tasks_kubernetes.task import OPTIONS, KubernetesTask, TaskOptions, options_of

DJANGO = "django.tasks.backends"
BACKENDS = [
    f"{DJANGO}.immediate.ImmediateBackend",
    f"{DJANGO}.dummy.DummyBackend",
    "django_tasks_kubernetes.KubernetesBackend",
]


def named(path: str) -> override_settings:
    return override_settings(TASKS={"default": {"BACKEND": path, "QUEUES": []}})


class OtherTask(Task):  # type: ignore[type-arg]  # generic for the stubs alone
    """Of a package with a task class of its own."""


class OtherBackend(ImmediateBackend):
    task_class = OtherTask


def double(number: int) -> int:
    return 2 * number


def number(context: KubernetesTaskContext, more: int) -> int:
    return context.attempt + more


@pytest.mark.parametrize("backend", BACKENDS)
def test_task_takes_options_under_each_backend(backend: str) -> None:
    with named(backend):
        made = task(queue_name="reports", retry=Retry(max_attempts=5), timeout=timedelta(minutes=1))(double)
        changed = made.using(ttl=60, priority=3)
    assert isinstance(made, KubernetesTask)
    assert options_of(made) == {"retry": Retry(max_attempts=5), "timeout": timedelta(minutes=1)}
    assert options_of(changed) == options_of(made) | {"ttl": 60}
    assert (changed.queue_name, changed.priority) == ("reports", 3)


@pytest.mark.parametrize("backend", BACKENDS)
def test_task_needs_no_brackets(backend: str) -> None:
    with named(backend):
        assert task(double).func is double


def test_task_runs_under_the_immediate_backend() -> None:
    with named(BACKENDS[0]):
        assert task(retry=Retry())(double).using(timeout=3).enqueue(21).return_value == 42


def test_task_can_be_copied_under_the_dummy_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    with named(BACKENDS[1]):
        made = task(retry=Retry())(double)
        monkeypatch.setattr(sys.modules[__name__], "double", made)
        result = made.using(timeout=3).enqueue(21)
        assert (result.status, result.args) == ("READY", [21])
        assert deepcopy(result).task == result.task


@pytest.mark.parametrize("backend", BACKENDS)
def test_task_refuses_an_unknown_option(backend: str) -> None:
    with (
        named(backend),
        pytest.raises(TypeError, match=r"@task has no option run_after\. There are: backend, expires, "),
    ):
        task(run_after=None)(double)  # type: ignore[call-overload]


@pytest.mark.parametrize("backend", BACKENDS)
def test_task_refuses_a_wrong_value(backend: str) -> None:
    with named(backend), pytest.raises(InvalidTask, match=r"double: ttl must be from 0 s to "):
        task(ttl=-1)(double)


def test_task_refuses_the_class_of_another_package() -> None:
    where = f"{OtherBackend.__module__}.OtherBackend"
    with named(where), pytest.raises(InvalidTask, match=r"task class of its own, .*OtherTask.*from django\.tasks"):
        task(double)


def test_options_are_those_that_type_checkers_know() -> None:
    assert set(TaskOptions.__annotations__) == set(OPTIONS)


def _types() -> None:
    """Read by mypy alone."""
    plain, with_options = task(double), task(retry=Retry())(double).using(timeout=3, priority=1)
    assert_type(plain.enqueue(number=1).return_value, int)
    assert_type(with_options.enqueue(1).return_value, int)
    assert_type(task(takes_context=True)(number).enqueue(1).return_value, int)
    plain.enqueue("1")  # type: ignore[arg-type]
    plain.using(timeout="1 min")  # type: ignore[arg-type]
    task(retries=3)(double)  # type: ignore[call-overload]
    task(takes_context=True)(double)  # type: ignore[arg-type]

    @task(takes_context=True, ttl=60)
    def with_djangos(context: "TaskContext[..., Any]", more: str) -> None: ...

    with_djangos.enqueue("a")
