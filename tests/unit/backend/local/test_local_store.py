"""The store of LocalBackend: what it keeps, and threads."""

import threading
from typing import Any

import pytest
from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.local import local_store
from django_tasks_kubernetes.local.local_store import LocalStore
from django_tasks_kubernetes.watch.subscription import State, Subscription
from djangotasks_api.phases import Phase
from tests.unit.backend import tasks


def resource(name: str, **spec: Any) -> dict[str, Any]:
    base = {"task": tasks.echo.module_path, "backend": "default", "priority": 0, "payload": '{"args":[],"kwargs":{}}'}
    return {"metadata": {"name": name, "labels": {}}, "spec": base | spec}


def test_oldest_finished_tasks_are_forgotten_with_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_store, "FINISHED_MAX", 3)
    store = LocalStore()
    for number in range(5):
        store.create(resource(f"task-{number}"))
        store.run(f"task-{number}")
        if number == 0:
            from django.core.files.base import ContentFile

            name = store.storage.save("a", ContentFile(b"x"))
            store.resources["task-0"]["spec"]["payloadRef"] = {"name": name}
    assert list(store.names()) == ["task-2", "task-3", "task-4"]
    assert not store.storage.exists("a")
    with pytest.raises(TaskResultDoesNotExist):
        store.get("task-0")


def test_no_task_is_forgotten_while_a_workflow_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_store, "FINISHED_MAX", 2)
    store = LocalStore()
    numbers = {"name": "list", "items": "[0, 1, 2, 3, 4, 5]"}
    one = {"name": "map", "task": tasks.returns_item.module_path, "map": {"list": "list"}}
    item = {"payload": '{"args":[null],"kwargs":{}}', "inputs": [{"into": "/args/0"}]}
    gathered = {"payload": '{"args":[null],"kwargs":{}}', "inputs": [{"into": "/args/0", "step": "map"}]}
    spec = {
        "backend": "default",
        "lists": [numbers],
        "steps": [one | item, {"name": "all", "task": tasks.returns_item.module_path} | gathered],
    }
    store.workflows.create({"kind": "DjangoTaskWorkflow", "metadata": {"name": "flow"}, "spec": spec})
    assert store.get("flow-all")["status"]["result"] == "[0,1,2,3,4,5]"
    store.create(resource("later"))
    assert list(store.names()) == ["flow-all", "later"]


def test_unfinished_tasks_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_store, "FINISHED_MAX", 1)
    store = LocalStore()
    for number in range(4):
        store.create(resource(f"task-{number}", runAfter="2999-01-01T00:00:00.000000Z"))
    assert len(list(store.names())) == 4


def test_a_subscriber_of_an_unknown_task_is_notified() -> None:
    subscription = Subscription(lambda: None, name="unknown")
    LocalStore().subscribe(subscription)
    assert subscription.take().states == {"unknown": State.MISSING}


def test_a_task_can_be_waited_for_in_another_thread() -> None:
    store, woken = LocalStore(), threading.Event()
    store.create(resource("one"))
    subscription = Subscription(woken.set, name="one")
    stop = store.subscribe(subscription)
    phases = [state["status"]["phase"] for state in subscription.take().states.values() if isinstance(state, dict)]
    woken.clear()
    thread = threading.Thread(target=store.run, args=("one",), daemon=True)
    thread.start()
    thread.join()
    assert woken.is_set()
    (last,) = subscription.take().states.values()
    assert isinstance(last, dict)
    assert (phases, last["status"]["phase"]) == ([Phase.QUEUED], Phase.SUCCEEDED)
    stop()
