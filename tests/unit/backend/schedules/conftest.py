"""A registry for each test."""

import pytest

from django_tasks_kubernetes.schedules import declare
from django_tasks_kubernetes.schedules.registry import Registry


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry()
    monkeypatch.setattr(declare, "declared", registry)
    return registry
