"""A project that declares no schedules, but those of the test."""

import pytest

from django_tasks_kubernetes.schedules import declare
from django_tasks_kubernetes.schedules.discover import Discovery
from django_tasks_kubernetes.schedules.registry import Registry
from django_tasks_kubernetes.testing import schedules as virtual


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    found = Registry()
    monkeypatch.setattr(declare, "declared", found)
    monkeypatch.setattr(virtual, "declared", found)
    monkeypatch.setattr(virtual, "discover", Discovery)
    return found
