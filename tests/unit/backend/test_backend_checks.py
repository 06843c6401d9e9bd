"""Which backends in TASKS a project is warned of."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections
from django.test import override_settings

from django_tasks_kubernetes import backend_checks

OURS = "django_tasks_kubernetes.KubernetesBackend"
LOCAL = "django_tasks_kubernetes.LocalBackend"
IMMEDIATE = "django.tasks.backends.immediate.ImmediateBackend"
DUMMY = "django.tasks.backends.dummy.DummyBackend"


def found(*backends: str, deploy: bool = False) -> list[tuple[Any, Any]]:
    named = {alias: {"BACKEND": path} for alias, path in zip(("default", "other"), backends, strict=False)}
    with override_settings(TASKS=named):
        messages = run_checks(tags=["tasks"], include_deployment_checks=deploy)
    return [(message.id, message.obj) for message in messages]


@pytest.mark.parametrize(
    ("backends", "expected"),
    [
        ((IMMEDIATE,), [("djangotasks.W001", "TASKS['default']")]),
        ((DUMMY, IMMEDIATE), [("djangotasks.W001", "TASKS['default']"), ("djangotasks.W001", "TASKS['other']")]),
        ((IMMEDIATE, OURS), []),
        ((LOCAL,), []),
        ((OURS,), []),
    ],
)
def test_warning_of_backends_without_options(backends: Any, expected: Any) -> None:
    assert found(*backends) == expected


@pytest.mark.parametrize(
    ("backends", "expected"),
    [
        ((LOCAL, IMMEDIATE), [("djangotasks.W002", "TASKS['default']"), ("djangotasks.W002", "TASKS['other']")]),
        ((IMMEDIATE,), [("djangotasks.W001", "TASKS['default']"), ("djangotasks.W002", "TASKS['default']")]),
        ((DUMMY, LOCAL), [("djangotasks.W002", "TASKS['default']"), ("djangotasks.W002", "TASKS['other']")]),
    ],
)
def test_warning_of_a_local_backend_in_deployments(backends: Any, expected: Any) -> None:
    assert found(*backends, deploy=True) == expected


@pytest.mark.parametrize(
    ("backend", "vendor", "expected"),
    [
        (OURS, "sqlite", [("djangotasks.W005", "DATABASES['default']")]),
        (OURS, "postgresql", []),
        (LOCAL, "sqlite", [("djangotasks.W002", "TASKS['default']")]),
    ],
)
def test_warning_of_a_database_that_each_pod_has_a_file_of(
    backend: str, vendor: str, expected: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(connections["default"]), "vendor", vendor)
    monkeypatch.setattr(backend_checks, "is_compiled", lambda: True)
    with override_settings(TASKS={"default": {"BACKEND": backend}}):
        messages = run_checks(include_deployment_checks=True)
    assert [(one.id, one.obj) for one in messages if (one.id or "").startswith("djangotasks")] == expected


@pytest.mark.parametrize(
    ("backends", "compiled", "deploy", "expected"),
    [
        ((OURS,), False, True, ["djangotasks.I004"]),
        ((OURS,), False, False, []),
        ((OURS,), True, True, []),
        ((LOCAL,), False, True, ["djangotasks.W002"]),
        ((DUMMY, OURS), False, True, ["djangotasks.I004"]),
    ],
)
def test_hint_of_packages_without_bytecode(
    backends: tuple[str, ...], compiled: bool, deploy: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only with --deploy, and where tasks are processes of their own."""
    monkeypatch.setattr(backend_checks, "is_compiled", lambda: compiled)
    monkeypatch.setattr(type(connections["default"]), "vendor", "postgresql")
    named = {alias: {"BACKEND": path} for alias, path in zip(("default", "other"), backends, strict=False)}
    with override_settings(TASKS=named):
        messages = run_checks(include_deployment_checks=deploy)
    assert [message.id for message in messages if (message.id or "").startswith("djangotasks")] == expected
