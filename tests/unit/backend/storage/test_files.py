"""Large arguments and results as files: written once, checked when they are read, deleted with their task."""

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files import File
from django.core.files.storage import InMemoryStorage
from django.test import override_settings

from django_tasks_kubernetes.exceptions import (
    StorageFailed,
    StoredTextInvalid,
)
from django_tasks_kubernetes.storage import files as files_module
from django_tasks_kubernetes.storage.files import Files, delete_files_of, retry_storage

TEXT = '{"args":["' + "x" * 100 + '"],"kwargs":{}}'


class Renaming(InMemoryStorage):
    def _save(self, name: str, content: Any) -> str:
        return super()._save(f"elsewhere/{name}", content)  # type: ignore[misc, no-any-return]


class BrokenStorage(InMemoryStorage):
    def _fails(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError("the bucket is on fire")

    _save = _open = delete = _fails


# Files


def test_file_is_written_read_and_deleted(folder: Path) -> None:
    files = Files("tasks", 1000)
    one, two = (files.write("shop", "t1", "payload", TEXT) for _ in range(2))
    assert one.name != two.name  # no write is another's, whatever the storage does with names that are taken
    assert (files.read(one), files.read(two)) == (TEXT, TEXT)
    assert files.delete(one)
    assert files.delete(one)
    assert [path.name for path in (folder / "djangotasks/shop").iterdir()] == [Path(two.name).name]


@pytest.mark.parametrize("content", ["", TEXT[:-1], TEXT + " ", TEXT.replace("x", "y")])
def test_changed_file_is_refused(folder: Path, content: str) -> None:
    files = Files("tasks", 1000)
    ref = files.write("shop", "t1", "payload", TEXT)
    (folder / ref.name).write_text(content)
    with pytest.raises(StoredTextInvalid, match="is not what was stored"):
        files.read(ref)


def test_missing_file_may_appear_later(folder: Path) -> None:
    files = Files("tasks", 1000)
    ref = files.write("shop", "t1", "payload", TEXT)
    files.delete(ref)
    with pytest.raises(StorageFailed, match="is not there") as caught:
        files.read(ref)
    assert not isinstance(caught.value, StoredTextInvalid)  # it may be late


def test_file_that_is_too_large_is_not_read(folder: Path) -> None:
    ref = Files("tasks", 1000).write("shop", "t1", "payload", TEXT)
    with pytest.raises(StoredTextInvalid, match="No more than 50 are read here"):
        Files("tasks", 50).read(ref)


def test_unknown_storage_alias(folder: Path) -> None:
    ref = Files("tasks", 1000).write("shop", "t1", "payload", TEXT)
    with override_settings(STORAGES={}), pytest.raises(StoredTextInvalid, match="no usable storage 'tasks' here"):
        Files("tasks", 1000).read(ref)


def test_storage_that_renames_is_refused() -> None:
    storage = Renaming()
    with pytest.raises(StoredTextInvalid, match="Use a storage that keeps names"):
        Files("x", 1000, find=lambda alias: storage).write("shop", "t1", "payload", TEXT)


def test_storage_errors_are_named(caplog: pytest.LogCaptureFixture) -> None:
    files = Files("x", 1000, find=lambda alias: BrokenStorage())
    with pytest.raises(
        StorageFailed, match="did not take a file of 125 bytes: ConnectionRefusedError: the bucket is on"
    ):
        files.write("shop", "t1", "payload", TEXT)
    ref = Files("x", 1000, find=lambda alias: InMemoryStorage()).write("shop", "t1", "payload", TEXT)
    with pytest.raises(StorageFailed, match="cannot be read: ConnectionRefusedError"):
        files.read(ref)
    assert not files.delete(ref)
    assert "was not deleted: ConnectionRefusedError" in caplog.text


@pytest.mark.thorough
def test_a_disk_without_room_keeps_no_part_of_a_file(folder: Path) -> None:
    """In a process of its own, which may write no more than so many bytes of a file, as to a disk that gets full."""
    program = f"""
import resource, signal
import django
from django.conf import settings
location = {str(folder)!r}
backend = "django.core.files.storage.FileSystemStorage"
settings.configure(STORAGES={{"tasks": {{"BACKEND": backend, "OPTIONS": {{"location": location}}}}}})
django.setup()
from django_tasks_kubernetes.exceptions import StorageFailed
from django_tasks_kubernetes.storage.files import Files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    Files("tasks", 1_000_000).write("shop", "t1", "result-1", "x" * 500_000)
except StorageFailed as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "File too large" in said.stdout
    assert list((folder / "djangotasks/shop").iterdir()) == []


class Unusable(InMemoryStorage):
    """As django-storages where a setting is missing here."""

    def __init__(self) -> None:
        raise ImproperlyConfigured("bucket_name must be set")


def test_a_storage_that_cannot_be_made_fails_as_one_that_does_not_answer(folder: Path) -> None:
    ref = Files("tasks", 1000).write("shop", "t1", "payload", TEXT)
    unusable = {"tasks": {"BACKEND": f"{__name__}.Unusable"}}
    with override_settings(STORAGES=unusable), pytest.raises(StorageFailed, match="bucket_name must be set"):
        Files("tasks", 1000).read(ref)


class Part(File):  # type: ignore[type-arg]
    def read(self, size: int = -1) -> Any:
        return super().read(min(size, 10))


class Streaming(InMemoryStorage):
    """Gives a few bytes at once, as what comes over a network."""

    def _open(self, name: str, mode: str = "rb") -> Part:
        return Part(super()._open(name, mode))  # type: ignore[misc]


def test_a_file_may_come_in_parts() -> None:
    storage = Streaming()
    files = Files("x", 1000, find=lambda alias: storage)
    assert files.read(files.write("shop", "t1", "payload", TEXT)) == TEXT


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Those of retry_storage(), which pass at once."""
    waits: list[float] = []
    monkeypatch.setattr(files_module, "time", SimpleNamespace(monotonic=lambda: sum(waits), sleep=waits.append))
    return waits


def test_retry_storage_retries_what_may_pass(waits: list[float]) -> None:
    tries = iter([StorageFailed("away"), StorageFailed("away"), None])

    def operation() -> str:
        if (error := next(tries)) is not None:
            raise error
        return "done"

    assert retry_storage(operation, 10) == "done"
    assert waits == [0.5, 1.0]
    tries = iter([StoredTextInvalid("changed"), None])
    with pytest.raises(StoredTextInvalid):
        retry_storage(operation, 10)
    assert waits == [0.5, 1.0]


def test_retry_storage_gives_up_when_the_time_is_over(waits: list[float], caplog: pytest.LogCaptureFixture) -> None:
    tries, signs = [], []

    def operation() -> str:
        tries.append(sum(waits))
        raise StorageFailed("away.")

    with pytest.raises(StorageFailed, match="away"):
        retry_storage(operation, 60, lambda: signs.append(sum(waits)))
    assert tries == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 30.5, 45.5]
    # That the process is alive: the task's heartbeats have ended.
    assert max(after - before for before, after in pairwise(signs)) == 1
    assert [record.getMessage() for record in caplog.records] == ["away. Trying again for 60 s."]


# Tasks


# What is left


def test_delete_files_of_a_task(folder: Path) -> None:
    files = Files("tasks", 1000)
    payload, result, other = (files.write("shop", name, "payload", TEXT) for name in ("t1", "t1", "t2"))
    later = files.write("shop", "t1", "payload", TEXT)  # of a new task of the same name
    resource = {
        "metadata": {"namespace": "shop", "name": "t1"},
        "spec": {"payloadRef": payload.to_data()},
        "status": {"resultRef": result.to_data()},
    }
    assert delete_files_of(resource) == 2
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.json")} == {other.name, later.name}
    # What is not its own, it does not take along.
    foreign = resource | {"spec": {"payloadRef": other.to_data()}, "status": {"resultRef": {"name": "../secret"}}}
    assert delete_files_of(foreign) == 0
    assert delete_files_of({"metadata": resource["metadata"], "spec": {}}) == 0
    assert (folder / other.name).exists()
