"""The backend that runs workflows in this process."""

from collections.abc import Iterator

import pytest
from django.tasks import task_backends
from django.test import override_settings

from django_tasks_kubernetes import LocalBackend
from tests.unit.backend.workflows.flows import LOCAL


@pytest.fixture
def local() -> Iterator[LocalBackend]:
    """Nothing is left in it of the test before."""
    with override_settings(TASKS=LOCAL):
        backend = task_backends["default"]
        assert isinstance(backend, LocalBackend)
        backend.clear()
        yield backend
