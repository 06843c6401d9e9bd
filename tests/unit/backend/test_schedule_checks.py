"""The system checks of schedules."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import override_settings

from django_tasks_kubernetes import schedules
from django_tasks_kubernetes.schedule_checks import options_for
from django_tasks_kubernetes.schedules import declare, discover, registry
from tests.unit.backend import tasks


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> registry.Registry:
    found = registry.Registry()
    monkeypatch.setattr(declare, "declared", found)
    monkeypatch.setattr(registry, "declared", found)
    return found


def found() -> list[tuple[Any, Any]]:
    return [(message.id, message.obj) for message in run_checks(tags=["tasks"])]


def test_check_of_schedules(declared: registry.Registry) -> None:
    schedules.schedule("0 2 * * *", name="good")(tasks.echo)
    assert found() == []
    schedules.schedule("0 25 * * *", name="bad")(tasks.echo)
    assert found() == [("djangotasks.E020", "Schedule bad of tests.unit.backend.tasks.echo")]


def test_check_warns_of_modules_that_cannot_be_imported(
    declared: registry.Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = discover.Discovery(failed={"shop.tasks": ValueError("no")}, left_out={"other.tasks": ImportError("x")})
    monkeypatch.setattr(discover, "discover", lambda: problem)
    assert found() == [("djangotasks.W003", "shop.tasks")]


def test_options_are_those_of_the_alias() -> None:
    ours = {"BACKEND": "django_tasks_kubernetes.KubernetesBackend"}
    with override_settings(
        TASKS={
            "default": ours | {"OPTIONS": {"COMPRESS_PAYLOAD_FROM": 7}},
            "wrong": ours | {"OPTIONS": {"X": 7}},
            "other": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"},
        }
    ):
        assert options_for("default").compress_payload_from == 7
        assert options_for("wrong") == options_for("other")
