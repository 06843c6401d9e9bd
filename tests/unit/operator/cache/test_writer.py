"""A Job that is there already is taken over, unless it is not ours, or nothing may come of it any more."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from djangotasks_api.models import TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.writer import TaskWriter
from djangotasks_operator.pods.views import Pod
from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import ApiError
from djangotasks_operator.runtime.resources import Resource
from tests.support.builders import NAMESPACE, UID, make_attempt, make_pod, make_task

IMAGE = "shop:1"
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}


def job(uid: str = UID, status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    labels = {"djangotasks.dev/task": "receipt", "djangotasks.dev/task-uid": uid, "djangotasks.dev/attempt": "1"}
    fixed = {"name": "receipt-1", "namespace": NAMESPACE, "uid": "job", "resourceVersion": "5", "labels": labels}
    return {"metadata": fixed | metadata, "spec": {"template": {}}, "status": status or {}}


class Taken:
    """An API server that has the Job already."""

    def __init__(self, there: dict[str, Any]) -> None:
        self._there = there

    async def create(self, *_: object) -> None:
        raise ApiError(409, {"reason": "AlreadyExists"})

    async def get(self, resource: Resource, namespace: str, name: str) -> dict[str, Any]:
        assert (namespace, name) == (NAMESPACE, "receipt-1")
        return self._there


@pytest.mark.parametrize(
    ("there", "taken_over"),
    [
        (job(), True),
        (job(uid="an earlier task"), False),
        (job(deletionTimestamp="2026-01-01T00:00:00Z"), False),
        # Somebody else has ended the attempt: a Pod for it now would be a second run.
        (job(status=COMPLETE), False),
    ],
    ids=["ours", "of an earlier task", "being deleted", "finished"],
)
def test_a_job_that_is_there(there: dict[str, Any], taken_over: bool) -> None:
    cluster = TaskWriter(cast(Api, Taken(there)), Store())
    found = asyncio.run(cluster.create_job({"metadata": {"namespace": NAMESPACE, "name": "receipt-1"}}, UID))
    assert (found is not None) == taken_over


class Patched:
    """An API server that takes every status."""

    def __init__(self) -> None:
        self.patch: dict[str, Any] = {}

    async def patch_status(
        self, resource: Resource, namespace: str, name: str, version: str, status: dict[str, Any]
    ) -> dict[str, Any]:
        self.patch = status
        metadata = {"name": name, "namespace": namespace, "uid": UID, "resourceVersion": "99"}
        return {"metadata": metadata, "spec": {"task": "shop.tasks.send_receipt"}, "status": status}


@pytest.mark.parametrize(
    ("pod", "known", "image"),
    [
        (make_pod(image=IMAGE), None, IMAGE),
        (make_pod(image="shop:2"), IMAGE, IMAGE),
        (make_pod(image=IMAGE, task_uid="an earlier task"), None, None),
        (None, None, None),
    ],
    ids=["its pod's", "the one it has", "not another task's", "none that is not known"],
)
def test_an_attempt_says_which_image_it_ran(pod: Pod | None, known: str | None, image: str | None) -> None:
    api, store, task = Patched(), Store(), make_task()
    store.put_task(task)
    if pod is not None:
        store.put_pod(pod)
    status = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(image=known)])
    asyncio.run(TaskWriter(cast(Api, api), store).write_status(task, status))
    assert api.patch["attempts"][0].get("image") == image


@pytest.mark.parametrize(
    ("pod", "known", "node"),
    [
        (make_pod(image=IMAGE, node="node-1"), None, "node-1"),
        # Of a pod that waited for one when its image was recorded.
        (make_pod(image=IMAGE), None, None),
        (make_pod(node="node-2"), "node-1", "node-1"),
        (make_pod(node="node-1", task_uid="an earlier task"), None, None),
        (None, None, None),
    ],
)
def test_an_attempt_says_on_which_node_it_ran(pod: Pod | None, known: str | None, node: str | None) -> None:
    api, store, task = Patched(), Store(), make_task()
    store.put_task(task)
    if pod is not None:
        store.put_pod(pod)
    status = TaskStatus(phase=Phase.RUNNING, attempts=[make_attempt(image=IMAGE, node=known)])
    asyncio.run(TaskWriter(cast(Api, api), store).write_status(task, status))
    assert (api.patch["attempts"][0].get("image"), api.patch["attempts"][0].get("node")) == (IMAGE, node)


@pytest.mark.parametrize("known", [None, datetime(2026, 11, 23, 12, tzinfo=UTC)])
def test_an_attempt_says_when_its_pod_was_made(known: datetime | None) -> None:
    """Once: what is recorded stays."""
    api, store, task, pod = Patched(), Store(), make_task(), make_pod(image=IMAGE, node="node-1")
    store.put_task(task)
    store.put_pod(pod)
    status = TaskStatus(phase=Phase.STARTING, attempts=[make_attempt(image=IMAGE, created_at=known)])
    asyncio.run(TaskWriter(cast(Api, api), store).write_status(task, status))
    assert datetime.fromisoformat(api.patch["attempts"][0]["createdAt"]) == (known or pod.created_at)


@pytest.mark.parametrize("again", [False, True])
def test_an_answer_that_a_task_is_gone_is_none_about_the_next_of_its_name(again: bool) -> None:
    """With an idempotency key, what was deleted may be enqueued again under the same name at once."""
    store = Store()
    old = make_task(uid="old", version=5)
    store.put_task(old)

    class Late:
        async def get(self, *_: object) -> None:
            if again:
                store.drop_task(old)
                store.put_task(make_task(uid="new", version=7))
            raise ApiError(404, {"reason": "NotFound"})

    key = Key(NAMESPACE, old.metadata.name)
    assert asyncio.run(TaskWriter(cast(Api, Late()), store).read_task(key)) is None
    assert [task.metadata.uid for task in store.tasks()] == (["new"] if again else [])


@pytest.mark.parametrize(
    ("body", "removed"),
    [
        (b"unable to retrieve container logs for containerd://76", True),
        (b"unable to retrieve container logs for containerd://76\n", False),
        (b"one\ntwo\n", False),
    ],
    ids=["removed by the kubelet", "a task that writes so", "lines"],
)
def test_a_log_that_the_kubelet_has_removed_is_not_found(body: bytes, removed: bool) -> None:
    """The kubelet answers with 200 and this text instead of a 404."""

    class Kubelet:
        async def log_end(self, *_: object) -> bytes:
            return body

    writer = TaskWriter(cast(Api, Kubelet()), Store())
    if removed:
        with pytest.raises(ApiError, match="404 NotFound"):
            asyncio.run(writer.read_log(make_pod()))
    else:
        assert asyncio.run(writer.read_log(make_pod())) == body
