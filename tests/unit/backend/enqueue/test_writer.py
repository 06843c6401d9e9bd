"""Tasks with large arguments and results: what is written to a storage, and when it is read."""

import os
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from django.tasks import task_backends
from django.tasks.signals import task_finished

from django_tasks_kubernetes.exceptions import (
    ApiUnavailable,
    PayloadTooLarge,
    ResultTooLarge,
    StorageFailed,
    TaskRefused,
)
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES, RESULT_MAX_BYTES
from tests.unit.backend import tasks
from tests.unit.backend.large_data import LONG, in_storage, limited, ref_of


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with limited(STORAGE="default"), in_memory() as cluster:
        yield cluster


def test_large_payload_and_large_result_are_stored(cluster: InMemoryCluster) -> None:
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


def test_receivers_get_a_large_result(cluster: InMemoryCluster) -> None:
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


def test_stored_values_are_read_on_first_access(cluster: InMemoryCluster) -> None:
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


def test_copy_of_a_result_has_the_stored_value(cluster: InMemoryCluster) -> None:
    result = tasks.echo.enqueue(LONG)
    cluster.run_pending()
    copy = deepcopy(task_backends["default"].get_result(result.id))
    cluster.storage.delete(ref_of(cluster, result.id)["name"])
    assert copy.args == [LONG]


def test_large_data_is_bounded() -> None:
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


def test_payload_is_compressed_before_it_is_stored() -> None:
    with limited(STORAGE="default", COMPRESS_PAYLOAD_FROM=1000), in_memory() as cluster:
        small, large = tasks.echo.enqueue("x" * 900), tasks.echo.enqueue(LONG)
        noise = tasks.echo.enqueue(os.urandom(PAYLOAD_MAX_BYTES).hex())
        specs = [cluster.get(result.id)["spec"] for result in (small, large, noise)]
        assert [spec.get("payloadEncoding") for spec in specs] == [None, "zlib+base64", None]
        assert [("payloadRef" in spec) for spec in specs] == [False, False, True]
        assert [done.return_value["args"] for done in cluster.run_pending()] == [small.args, large.args, noise.args]


def test_refused_task_leaves_no_file(cluster: InMemoryCluster, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_second_task_of_a_key_leaves_no_file(cluster: InMemoryCluster) -> None:
    echo: Any = tasks.echo
    first, second = (echo.using(idempotency_key="k").enqueue(LONG, number) for number in (1, 2))
    assert (first.id, second.args) == (second.id, [LONG, 1])
    assert len(in_storage(cluster)) == 1


def test_retry_stores_a_file_of_its_own(cluster: InMemoryCluster) -> None:
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


def test_enqueue_many_stores_a_file_for_each(cluster: InMemoryCluster) -> None:
    backend: Any = task_backends["default"]
    report = backend.enqueue_many((tasks.echo, (LONG, number)) for number in range(5))
    assert (len(report.accepted), len(in_storage(cluster))) == (5, 5)
