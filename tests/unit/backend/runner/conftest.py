"""A pod, and the runner in this process."""

import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes.kube import own_attempt
from django_tasks_kubernetes.runner.__main__ import main
from django_tasks_kubernetes.runner.process import STOP_SIGNALS, Termination
from tests.unit.backend.pod import Pod
from tests.unit.backend.web_server import Server

Run = Callable[..., int]


@pytest.fixture
def pod(server: Server, tmp_path: Path) -> Iterator[Pod]:
    """Afterwards this process is no attempt's any more."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, *STOP_SIGNALS)}
    make_record = logging.getLogRecordFactory()
    yield Pod(server, tmp_path)
    own_attempt.leave()
    for number, handler in before.items():
        signal.signal(number, handler)
    logging.setLogRecordFactory(make_record)


@pytest.fixture
def run(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a task as its pod would, and gives the exit code."""

    def run(task: str, *args: Any, report_seconds: float = 5, **changes: Any) -> int:
        for name, value in pod.environ(task, args, **changes).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("DJANGOTASKS_REPORT_SECONDS", str(report_seconds))
        # What it leaves out of the garbage is this process's: tests of `collector` see to that.
        monkeypatch.setenv("DJANGOTASKS_GC", "default")
        # The runner sets it: this takes it away afterwards.
        monkeypatch.setenv("DJANGOTASKS_WORKER", "")
        termination = Termination()
        termination.install()
        return main(termination)

    return run


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Path]:
    """The folder of the storage that the settings name."""
    location = tmp_path / "storage"
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(location)}}
    backend = settings.TASKS["default"]
    with override_settings(
        STORAGES=settings.STORAGES | {"tasks": storage},
        TASKS={"default": backend | {"OPTIONS": backend["OPTIONS"] | {"STORAGE": "tasks"}}},
    ):
        yield location
