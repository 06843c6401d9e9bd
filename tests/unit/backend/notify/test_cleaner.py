"""Files of tasks that are gone, as the watcher deletes them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import storages
from django.test import override_settings

from django_tasks_kubernetes.exceptions import StorageFailed
from django_tasks_kubernetes.notify import cleaner as clean_module
from django_tasks_kubernetes.notify.cleaner import Cleaner
from django_tasks_kubernetes.storage.files import Files


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


def test_cleaner_deletes_files_after_the_ends_are_dispatched(files: Files) -> None:
    pending = {"uid-b"}
    cleaner = Cleaner(pending.__contains__)
    for name in ("a", "b", "c"):
        resource = task(files, name)
        if name != "c":
            cleaner.add(resource)
    cleaner.add({"metadata": {"name": "d", "namespace": "shop", "uid": "uid-d"}, "spec": {}})
    cleaner.clean()
    assert there(files) == {"b", "c"}
    pending.clear()
    cleaner.clean()
    assert there(files) == {"c"}


def test_cleaner_retries_a_sweep_that_failed(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class Ended(BaseException):
        pass

    sweeps = []

    def prune() -> None:
        sweeps.append(1)
        raise StorageFailed("the storage is away")

    def sleep(seconds: float) -> None:
        if len(sweeps) > 1:
            raise Ended

    monkeypatch.setattr(clean_module, "prune", prune)
    monkeypatch.setattr(clean_module, "SWEEP_SECONDS", 0)
    monkeypatch.setattr("django_tasks_kubernetes.notify.cleaner.time.sleep", sleep)
    with pytest.raises(Ended):
        Cleaner(lambda uid: False).run()
    assert len(sweeps) == 2
    assert "the storage is away" in caplog.text
