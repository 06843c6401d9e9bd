"""Files of tasks that are gone."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.storage import FileSystemStorage, InMemoryStorage, storages
from django.core.management import CommandError, call_command

from django_tasks_kubernetes import prune as pruning
from django_tasks_kubernetes.exceptions import ApiUnavailable, StorageFailed
from django_tasks_kubernetes.storage.files import Files
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from tests.unit.backend import tasks
from tests.unit.backend.large_data import LONG, in_storage, limited
from tests.unit.backend.storage.test_files import BrokenStorage


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with limited(STORAGE="default"), in_memory() as cluster:
        yield cluster


def deleted(cluster: InMemoryCluster, name: str) -> dict[str, Any]:
    """The task as the API server's watch tells that it is gone."""
    resource = cluster.resources.pop(name)
    return resource | {"metadata": resource["metadata"] | {"namespace": "in-memory"}}


@pytest.mark.django_db
def test_prune_deletes_files_of_tasks_that_are_gone(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
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
    monkeypatch.setattr(cluster.storage, "delete", BrokenStorage().delete)
    with pytest.raises(CommandError, match="1 files could not be deleted"):
        call_command("prune_task_files", grace=0)


def test_prune_deletes_nothing_that_a_storage_may_take_for_a_path(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.storage, "listdir", lambda path: ([], [r"t1.\..\..\..\media\logo.png"]))
    monkeypatch.setattr(cluster.storage, "delete", pytest.fail)
    assert pruning.prune(grace=timedelta(0)).kept == 1


def test_prune_beside_another_process(cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted(cluster, tasks.echo.enqueue(LONG).id)
    delete = cluster.storage.delete

    def faster(name: str) -> None:
        delete(name)
        raise KeyError(name)  # as a storage may that finds nothing

    monkeypatch.setattr(cluster.storage, "delete", faster)
    assert pruning.prune(grace=timedelta(0)) == pruning.Pruned()


def test_prune_deletes_nothing_when_tasks_cannot_be_listed(
    cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted(cluster, tasks.echo.enqueue(LONG).id)

    def names() -> Iterator[str]:
        yield "t1"
        raise ApiUnavailable("away")

    monkeypatch.setattr(cluster, "names", names)
    with pytest.raises(CommandError, match="Not all done: away"):
        call_command("prune_task_files", grace=0)
    assert len(in_storage(cluster)) == 1


def test_a_place_that_cannot_be_cleaned_up_keeps_none_of_the_others_from_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(alias: str) -> Any:
        raise ImproperlyConfigured("bucket_name must be set")

    def away() -> Iterator[str]:
        raise ApiUnavailable("away")

    storage = InMemoryStorage()
    works = Files("works", 1000, find=lambda alias: storage)
    works.write("shop", "t1", "payload", "{}")
    places = {
        ("missing", "shop"): (Files("missing", 1000, find=missing), tuple),
        ("away", "shop"): (works, away),
        ("works", "shop"): (works, tuple),
    }
    backends = {
        place: [SimpleNamespace(files=files, store=SimpleNamespace(names=names))]
        for place, (files, names) in places.items()
    }
    monkeypatch.setattr(pruning, "_places", lambda: backends)
    with pytest.raises(StorageFailed, match="'missing' does not list djangotasks/shop: ImproperlyConfigured"):
        pruning.prune(grace=timedelta(0))
    assert storage.listdir("djangotasks/shop")[1] == []
    assert "in the storage 'away' are not cleaned up: away" in caplog.text


def test_prune_without_a_storage_or_a_folder(folder: Path) -> None:
    with in_memory():
        assert pruning.prune() == pruning.Pruned()
    assert isinstance(storages["tasks"], FileSystemStorage)
    with limited(STORAGE="tasks"), in_memory():
        assert pruning.prune() == pruning.Pruned()
