"""An API server and an operator's endpoint on the loopback interface; a cluster in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from tests.unit.backend import tasks  # noqa: F401 - whatever TASKS a test has, they can be looked up
from tests.unit.backend.web_server import Server, serve

# Fixtures that pytest-django sets up for each test, and that do nothing where no test asks for what they are about: once
# for all tests, since they were a tenth of the time.
for _name in (
    "_dj_autoclear_mailbox",
    "_django_clear_site_cache",
    "_django_isolate_apps",
    "_django_set_urlconf",
    "_live_server_helper",
    "_template_string_if_invalid_marker",
):
    globals()[_name] = pytest.fixture(lambda: None, scope="session", name=_name)


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with in_memory() as cluster:
        yield cluster


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of the storage `tasks`."""
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    with override_settings(STORAGES=settings.STORAGES | {"tasks": storage}):
        yield tmp_path
