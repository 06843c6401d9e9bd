"""Files of tasks that are gone, as the watcher deletes them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any, Final

import pytest
from django.core.files.storage import InMemoryStorage, storages
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import override_settings

from django_tasks_kubernetes import prune as pruning
from django_tasks_kubernetes.exceptions import StorageFailed
from django_tasks_kubernetes.models import TaskEnd
from django_tasks_kubernetes.notify import cleaner as clean_module
from django_tasks_kubernetes.notify.cleaner import Cleaner
from django_tasks_kubernetes.storage.files import Files

NOW: Final = datetime(2026, 11, 23, 4, tzinfo=UTC)


@pytest.fixture
def files() -> Iterator[Files]:
    with override_settings(STORAGES={"memory": {"BACKEND": "django.core.files.storage.InMemoryStorage"}}):
        yield Files("memory", 1000)


def task(files: Files, name: str) -> dict[str, Any]:
    ref = files.write("shop", name, "payload", "{}")
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}"}
    return {"metadata": metadata, "spec": {"payloadRef": ref.to_data()}}


def there(files: Files) -> set[str]:
    return {name.partition(".")[0] for name in storages[files.alias].listdir("djangotasks/shop")[1]}


def end(name: str, *, next_try_at: datetime | None = None, dispatched_at: datetime | None = None) -> None:
    TaskEnd.objects.create(
        key=f"uid-{name}/1",
        uid=f"uid-{name}",
        task_id=name,
        seen_at=NOW,
        next_try_at=next_try_at,
        dispatched_at=dispatched_at,
    )


@pytest.mark.django_db
def test_cleaner_deletes_files_after_the_ends_are_dispatched(files: Files) -> None:
    cleaner = Cleaner("default")
    for name in ("a", "b", "c", "dead"):
        resource = task(files, name)
        if name != "c":
            cleaner.add(resource)
    cleaner.add({"metadata": {"name": "d", "namespace": "shop", "uid": "uid-d"}, "spec": {}})
    end("a", dispatched_at=NOW)
    end("b", next_try_at=NOW)
    end("dead")
    cleaner.clean()
    assert there(files) == {"b", "c", "dead"}
    TaskEnd.objects.all().update(next_try_at=None, dispatched_at=NOW)
    cleaner.clean()
    # A dead letter's are left to the sweep: it may be tried again for days.
    assert there(files) == {"c", "dead"}


@pytest.mark.django_db
def test_cleaner_keeps_no_more_than_it_can_while_a_storage_hangs(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but names, of so many tasks. The sweep finds the others."""
    monkeypatch.setattr(clean_module, "KEPT_MAX", 2)
    cleaner = Cleaner("default")
    for name in ("a", "b", "c"):
        cleaner.add(task(files, name) | {"status": {"errors": ["x" * 1000]}})
    waiting = [cleaner._deleted.get_nowait() for _ in range(2)]
    assert ([uid for uid, _ in waiting], cleaner._deleted.empty(), "xxx" in str(waiting)) == (
        ["uid-a", "uid-b"],
        True,
        False,
    )
    for one in waiting:
        cleaner._deleted.put_nowait(one)
    cleaner.clean()
    assert there(files) == {"c"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sweep", [lambda: Cleaner("default")._sweep(), lambda: call_command("prune_task_files", grace=0)]
)
def test_a_sweep_keeps_files_that_receivers_may_yet_read(
    files: Files, sweep: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pending", "dead", "done"):
        task(files, name)
    end("pending", next_try_at=NOW)
    end("dead")
    end("done", dispatched_at=NOW)
    gone: Any = SimpleNamespace(files=files, store=SimpleNamespace(names=tuple))
    monkeypatch.setattr(pruning, "_places", lambda: {("memory", "shop"): [gone]})
    monkeypatch.setattr(InMemoryStorage, "get_modified_time", lambda self, name: NOW - timedelta(days=2))
    sweep()
    assert there(files) == {"pending", "dead"}
    TaskEnd.objects.all().delete()
    sweep()
    assert there(files) == set()


def test_files_are_cleaned_up_from_a_place_that_has_no_database(
    files: Files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(introspection: object) -> list[str]:
        raise OperationalError("connection refused")

    task(files, "done")
    gone: Any = SimpleNamespace(files=files, store=SimpleNamespace(names=tuple))
    monkeypatch.setattr(pruning, "_places", lambda: {("memory", "shop"): [gone]})
    monkeypatch.setattr("django.db.backends.base.introspection.BaseDatabaseIntrospection.table_names", away)
    call_command("prune_task_files", grace=0)
    assert there(files) == set()
    assert "which files receivers may yet read: connection refused" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_cleaner_sweeps_over_a_connection_that_is_no_hour_old(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ended(BaseException):
        pass

    open_: list[bool] = []

    def prune(**how: Any) -> None:
        open_.append(connection.connection is not None)
        connection.ensure_connection()
        if len(open_) > 1:
            raise Ended

    monkeypatch.setattr(clean_module, "prune", prune)
    monkeypatch.setattr(clean_module, "SWEEP_SECONDS", 0)
    monkeypatch.setattr(clean_module, "CLEAN_SECONDS", 0)
    with pytest.raises(Ended):
        Cleaner("default").run()
    assert open_ == [False, False]


def test_cleaner_sweeps_an_hour_after_it_has_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A restore of the cluster starts pods before it has restored all tasks."""
    swept: list[float] = []
    clock = count(0.0, 600.0)

    def sleep(seconds: float) -> None:
        if swept:
            raise StopIteration

    def prune(**how: Any) -> pruning.Pruned:
        swept.append(next(clock))
        return pruning.Pruned()

    monkeypatch.setattr(clean_module, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=sleep))
    monkeypatch.setattr(clean_module, "prune", prune)
    with pytest.raises(StopIteration):
        Cleaner("default").run()
    assert swept[0] > clean_module.SWEEP_SECONDS


def test_cleaner_retries_a_sweep_that_failed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class Ended(BaseException):
        pass

    sweeps = []

    def prune(**how: Any) -> None:
        sweeps.append(1)
        raise StorageFailed("the storage is away")

    def sleep(seconds: float) -> None:
        if len(sweeps) > 1:
            raise Ended

    monkeypatch.setattr(clean_module, "prune", prune)
    monkeypatch.setattr(clean_module, "SWEEP_SECONDS", 0)
    monkeypatch.setattr("django_tasks_kubernetes.notify.cleaner.time.sleep", sleep)
    with pytest.raises(Ended):
        Cleaner("default").run()
    assert len(sweeps) == 2
    assert "the storage is away" in caplog.text
