"""Large arguments and results as files: written once, checked when they are read, deleted with their task."""

import os
from collections.abc import Iterator
from copy import deepcopy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages
from django.core.management import CommandError, call_command
from django.tasks import task_backends
from django.tasks.signals import task_finished
from django.test import override_settings

from django_tasks_kubernetes import prune as pruning
from django_tasks_kubernetes import stored
from django_tasks_kubernetes.exceptions import (
    ApiUnavailable,
    PayloadTooLarge,
    ResultTooLarge,
    StorageFailed,
    StoredTextInvalid,
    TaskRefused,
)
from django_tasks_kubernetes.stored import Files
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from djangotasks_api.names import PAYLOAD_MAX_BYTES, RESULT_MAX_BYTES
from tests.unit.backend import tasks

LONG = "x" * PAYLOAD_MAX_BYTES
TEXT = '{"args":["' + "x" * 100 + '"],"kwargs":{}}'


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of the storage `tasks`."""
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    with override_settings(STORAGES=settings.STORAGES | {"tasks": storage}):
        yield tmp_path


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with limited(STORAGE="default"), in_memory() as cluster:
        yield cluster


def limited(**options: Any) -> override_settings:
    backend = settings.TASKS["default"]
    return override_settings(TASKS={"default": backend | {"OPTIONS": backend["OPTIONS"] | options}})


def in_storage(cluster: InMemoryCluster) -> list[str]:
    folders, _ = cluster.storage.listdir("")
    return sorted(cluster.storage.listdir("djangotasks/in-memory")[1]) if folders else []


def ref_of(cluster: InMemoryCluster, name: str) -> dict[str, Any]:
    ref: dict[str, Any] = cluster.get(name)["spec"]["payloadRef"]
    return ref


class Renaming(InMemoryStorage):
    def _save(self, name: str, content: Any) -> str:
        return super()._save(f"elsewhere/{name}", content)  # type: ignore[misc, no-any-return]


class Broken(InMemoryStorage):
    def _fails(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError("the bucket is on fire")

    _save = _open = delete = _fails


# Files


def test_written_read_and_deleted(folder: Path) -> None:
    files = Files("tasks", 1000)
    one, two = (files.write("shop", "t1", "payload", TEXT) for _ in range(2))
    assert one.name != two.name  # no write is another's, whatever the storage does with names that are taken
    assert (files.read(one), files.read(two)) == (TEXT, TEXT)
    assert files.delete(one)
    assert files.delete(one)
    assert [path.name for path in (folder / "djangotasks/shop").iterdir()] == [Path(two.name).name]


@pytest.mark.parametrize("content", ["", TEXT[:-1], TEXT + " ", TEXT.replace("x", "y")])
def test_a_file_that_was_changed_is_not_taken(folder: Path, content: str) -> None:
    files = Files("tasks", 1000)
    ref = files.write("shop", "t1", "payload", TEXT)
    (folder / ref.name).write_text(content)
    with pytest.raises(StoredTextInvalid, match="is not what was stored"):
        files.read(ref)


def test_a_file_that_is_not_there(folder: Path) -> None:
    files = Files("tasks", 1000)
    ref = files.write("shop", "t1", "payload", TEXT)
    files.delete(ref)
    with pytest.raises(StorageFailed, match="is not there") as caught:
        files.read(ref)
    assert not isinstance(caught.value, StoredTextInvalid)  # it may be late


def test_what_is_too_large_to_be_read(folder: Path) -> None:
    ref = Files("tasks", 1000).write("shop", "t1", "payload", TEXT)
    with pytest.raises(StoredTextInvalid, match="No more than 50 are read here"):
        Files("tasks", 50).read(ref)


def test_an_alias_that_is_not_known_here(folder: Path) -> None:
    ref = Files("tasks", 1000).write("shop", "t1", "payload", TEXT)
    with override_settings(STORAGES={}), pytest.raises(StoredTextInvalid, match="no usable storage 'tasks' here"):
        Files("tasks", 1000).read(ref)


def test_a_storage_that_saves_elsewhere() -> None:
    storage = Renaming()
    with pytest.raises(StoredTextInvalid, match="Use a storage that keeps names"):
        Files("x", 1000, find=lambda alias: storage).write("shop", "t1", "payload", TEXT)


def test_a_storage_that_does_not_work(caplog: pytest.LogCaptureFixture) -> None:
    files = Files("x", 1000, find=lambda alias: Broken())
    with pytest.raises(
        StorageFailed, match="did not take a file of 125 bytes: ConnectionRefusedError: the bucket is on"
    ):
        files.write("shop", "t1", "payload", TEXT)
    ref = Files("x", 1000, find=lambda alias: InMemoryStorage()).write("shop", "t1", "payload", TEXT)
    with pytest.raises(StorageFailed, match="cannot be read: ConnectionRefusedError"):
        files.read(ref)
    assert not files.delete(ref)
    assert "was not deleted: ConnectionRefusedError" in caplog.text


def test_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    tries = iter([StorageFailed("away"), StorageFailed("away"), None])

    def operation() -> str:
        if (error := next(tries)) is not None:
            raise error
        return "done"

    assert stored.patiently(operation) == "done"
    assert waits == [0.5, 1.0]
    tries = iter([StoredTextInvalid("changed"), None])
    with pytest.raises(StoredTextInvalid):
        stored.patiently(operation)
    assert waits == [0.5, 1.0]


# Tasks


def test_a_large_payload_and_a_large_result(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue(LONG, key="é")
    ref = ref_of(cluster, result.id)
    assert cluster.get(result.id)["spec"]["payload"] == ""
    assert (ref["storage"], ref["size"]) == ("default", len(LONG) + len(r'{"args":[""],"kwargs":{"key":"\u00e9"}}'))
    (done,) = cluster.run_pending()
    assert (done.args, done.kwargs) == ([LONG], {"key": "é"})
    assert done.return_value == {"args": [LONG], "kwargs": {"key": "é"}}
    large = tasks.returns_text.enqueue(RESULT_MAX_BYTES)
    cluster.run_pending()
    large.refresh()
    assert cluster.get(large.id)["status"]["result"] is None
    assert large.return_value == "x" * RESULT_MAX_BYTES
    assert len(in_storage(cluster)) == 2


def test_receivers_get_a_large_result_too(cluster: InMemoryCluster) -> None:
    seen: list[Any] = []

    def receive(task_result: Any, **kwargs: Any) -> None:
        seen.append(task_result.return_value)

    task_finished.connect(receive)
    try:
        tasks.returns_text.enqueue(RESULT_MAX_BYTES)
        cluster.run_pending()
    finally:
        task_finished.disconnect(receive)
    assert seen == ["x" * RESULT_MAX_BYTES]


def test_nothing_is_read_before_somebody_looks(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue(LONG)
    cluster.storage.delete(ref_of(cluster, result.id)["name"])
    (again,) = task_backends["default"].results()  # type: ignore[attr-defined]
    assert "args=<in a storage>" in repr(again)
    for _ in range(2):
        with pytest.raises(StorageFailed, match="is not there"):
            again.args  # noqa: B018 - reading it raises
    large = tasks.returns_text.enqueue(RESULT_MAX_BYTES)
    cluster.run_pending()
    cluster.storage.delete(cluster.get(large.id)["status"]["resultRef"]["name"])
    large.refresh()
    assert "_return_value=<in a storage>" in repr(large)
    with pytest.raises(StorageFailed, match="is not there"):
        large.return_value  # noqa: B018


def test_a_copy_has_the_value(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue(LONG)
    cluster.run_pending()
    copy = deepcopy(task_backends["default"].get_result(result.id))
    cluster.storage.delete(ref_of(cluster, result.id)["name"])
    assert copy.args == [LONG]


def test_the_limits() -> None:
    with in_memory(), pytest.raises(PayloadTooLarge, match=r"98,304 are allowed.*OPTIONS\['STORAGE'\]"):
        tasks.echo.enqueue(LONG)
    with limited(STORAGE="default", STORAGE_MAX_BYTES=RESULT_MAX_BYTES), in_memory() as cluster:
        with pytest.raises(PayloadTooLarge, match="524,288 are allowed in the storage"):
            tasks.echo.enqueue("x" * RESULT_MAX_BYTES)
        tasks.returns_text.enqueue(RESULT_MAX_BYTES)
        (done,) = cluster.run_pending()
        assert done.errors[0].exception_class is ResultTooLarge
        assert "524,288 are allowed in the storage" in done.errors[0].traceback
        assert cluster.get(done.id)["status"]["reason"] == "ResultTooLarge"


def test_packing_comes_before_the_storage() -> None:
    with limited(STORAGE="default", COMPRESS_PAYLOAD_FROM=1000), in_memory() as cluster:
        small, large = tasks.echo.enqueue("x" * 900), tasks.echo.enqueue(LONG)
        noise = tasks.echo.enqueue(os.urandom(PAYLOAD_MAX_BYTES).hex())
        specs = [cluster.get(result.id)["spec"] for result in (small, large, noise)]
        assert [spec.get("payloadEncoding") for spec in specs] == [None, "zlib+base64", None]
        assert [("payloadRef" in spec) for spec in specs] == [False, False, True]
        assert [done.return_value["args"] for done in cluster.run_pending()] == [small.args, large.args, noise.args]


def test_a_task_that_is_refused_leaves_no_file(cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(resource: Any) -> None:
        raise error

    monkeypatch.setattr(cluster, "create", create)
    error: Exception = TaskRefused("no")
    with pytest.raises(TaskRefused):
        tasks.echo.enqueue(LONG)
    assert in_storage(cluster) == []
    error = ApiUnavailable("the answer was lost")  # and perhaps not the request
    with pytest.raises(ApiUnavailable):
        tasks.echo.enqueue(LONG)
    assert len(in_storage(cluster)) == 1


def test_the_second_of_a_key_leaves_no_file(cluster: InMemoryCluster) -> None:
    echo: Any = tasks.echo
    first, second = (echo.using(idempotency_key="k").enqueue(LONG, number) for number in (1, 2))
    assert (first.id, second.args) == (second.id, [LONG, 1])
    assert len(in_storage(cluster)) == 1


def test_a_retry_has_a_file_of_its_own(cluster: InMemoryCluster) -> None:
    backend: Any = task_backends["default"]
    first = tasks.echo.enqueue(LONG)
    cluster.run_pending()
    second = backend.retry(first.id)
    old, new = ref_of(cluster, first.id), ref_of(cluster, second.id)
    assert (old["sha256"], old["name"] != new["name"]) == (new["sha256"], True)
    cluster.storage.delete(old["name"])
    (done,) = cluster.run_pending()
    assert (done.id, done.args, second.args) == (second.id, [LONG], [LONG])
    cluster.storage.delete(new["name"])
    with pytest.raises(StorageFailed, match="is not there"):
        backend.retry(second.id)


def test_many_at_once(cluster: InMemoryCluster) -> None:
    backend: Any = task_backends["default"]
    report = backend.enqueue_many((tasks.echo, (LONG, number)) for number in range(5))
    assert (len(report.accepted), len(in_storage(cluster))) == (5, 5)


# What is left


def deleted(cluster: InMemoryCluster, name: str) -> dict[str, Any]:
    """The task as the API server's watch tells that it is gone."""
    resource = cluster.resources.pop(name)
    return resource | {"metadata": resource["metadata"] | {"namespace": "in-memory"}}


def test_the_files_of_a_deleted_task(folder: Path) -> None:
    files = Files("tasks", 1000)
    payload, result, other = (files.write("shop", name, "payload", TEXT) for name in ("t1", "t1", "t2"))
    later = files.write("shop", "t1", "payload", TEXT)  # of a new task of the same name
    resource = {
        "metadata": {"namespace": "shop", "name": "t1"},
        "spec": {"payloadRef": payload.to_data()},
        "status": {"resultRef": result.to_data()},
    }
    assert stored.delete_files_of(resource) == 2
    assert {str(path.relative_to(folder)) for path in folder.rglob("*.json")} == {other.name, later.name}
    # What is not its own, it does not take along.
    foreign = resource | {"spec": {"payloadRef": other.to_data()}, "status": {"resultRef": {"name": "../secret"}}}
    assert stored.delete_files_of(foreign) == 0
    assert stored.delete_files_of({"metadata": resource["metadata"], "spec": {}}) == 0
    assert (folder / other.name).exists()


def test_the_sweep(cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    kept, gone = tasks.echo.enqueue(LONG), tasks.echo.enqueue(LONG)
    name = deleted(cluster, gone.id)["spec"]["payloadRef"]["name"]
    call_command("prune_task_files")
    assert capsys.readouterr().out == "deleted 0, kept 2\n"  # the file is young
    call_command("prune_task_files", grace=0, dry_run=True)
    assert capsys.readouterr().out == f"default: {name}\nwould delete 1, kept 1\n"
    assert len(in_storage(cluster)) == 2
    call_command("prune_task_files", grace=0)
    assert capsys.readouterr().out == "deleted 1, kept 1\n"
    assert [file.partition(".")[0] for file in in_storage(cluster)] == [kept.id]
    call_command("prune_task_files", grace=0)
    assert capsys.readouterr().out == "deleted 0, kept 1\n"
    deleted(cluster, kept.id)
    monkeypatch.setattr(cluster.storage, "delete", Broken().delete)
    with pytest.raises(CommandError, match="1 files could not be deleted"):
        call_command("prune_task_files", grace=0)


def test_a_sweep_beside_another(cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted(cluster, tasks.echo.enqueue(LONG).id)
    delete = cluster.storage.delete

    def faster(name: str) -> None:
        delete(name)
        raise KeyError(name)  # as a storage may that finds nothing

    monkeypatch.setattr(cluster.storage, "delete", faster)
    assert pruning.prune(grace=timedelta(0)) == pruning.Pruned()


def test_the_sweep_deletes_nothing_where_the_tasks_are_not_known(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted(cluster, tasks.echo.enqueue(LONG).id)

    def names() -> Iterator[str]:
        yield "t1"
        raise ApiUnavailable("away")

    monkeypatch.setattr(cluster, "names", names)
    with pytest.raises(CommandError, match="Not done: away"):
        call_command("prune_task_files", grace=0)
    assert len(in_storage(cluster)) == 1


def test_no_storage_and_no_folder(folder: Path) -> None:
    with in_memory():
        assert pruning.prune() == pruning.Pruned()
    assert isinstance(storages["tasks"], FileSystemStorage)
    with limited(STORAGE="tasks"), in_memory():
        assert pruning.prune() == pruning.Pruned()
