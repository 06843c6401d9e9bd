"""The workflows and their tasks, as changes come in."""

from __future__ import annotations

from typing import Any

from djangotasks_api.models import PartOf, TaskStatus
from djangotasks_api.phases import Phase
from djangotasks_api.workflow.engine import StepTask
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.store import Store
from djangotasks_operator.cache.subscriber import Subscriber
from djangotasks_operator.workflows.views import Workflow, WorkflowId, parse_workflow
from tests.support.builders import NAMESPACE, make_task

KEY = Key(NAMESPACE, "flow")
ID = WorkflowId(NAMESPACE, "1")
A = StepTask("a", 0)


class Changes(Subscriber):
    def __init__(self) -> None:
        self.workflows: list[Key] = []
        self.tasks: list[Key] = []

    def workflow_changed(self, key: Key) -> None:
        self.workflows.append(key)

    def task_changed(self, key: Key) -> None:
        self.tasks.append(key)


def workflow(version: int = 1, uid: str = "1", **spec: Any) -> Workflow:
    metadata = {"name": "flow", "namespace": NAMESPACE, "uid": uid, "resourceVersion": str(version)}
    return parse_workflow({"metadata": metadata, "spec": {"steps": [], **spec}})


def task(version: int, phase: Phase = Phase.QUEUED, uid: str = "1") -> Any:
    part = PartOf(name="flow", uid=uid, step="a")
    return make_task("flow-a", version=version, status=TaskStatus(phase=phase), workflow=part)


def test_a_change_of_a_task_is_one_of_its_workflow() -> None:
    changes = Changes()
    store = Store(changes)
    store.workflows.put(workflow())
    store.put_task(task(2))
    assert changes.workflows == [KEY, KEY]
    assert store.workflows.take_changed(ID) == {A: Phase.QUEUED}
    assert store.workflows.take_changed(ID) == {}
    store.put_task(task(3))
    assert store.workflows.take_changed(ID) == {}, "another version of the same phase"
    store.put_task(task(4, Phase.SUCCEEDED))
    assert store.workflows.take_changed(ID) == {A: Phase.SUCCEEDED}
    store.drop_task(task(4))
    assert store.workflows.take_changed(ID) == {A: None}
    assert changes.workflows == [KEY] * 4


def test_tasks_may_come_before_their_workflow() -> None:
    store = Store()
    store.put_task(task(2))
    store.workflows.put(workflow())
    assert store.workflows.tasks(ID) == {A: Phase.QUEUED}
    assert store.workflows.take_changed(ID) == {}


def test_a_task_belongs_to_the_workflow_of_its_uid() -> None:
    store = Store()
    store.workflows.put(workflow())
    assert store.workflows.of(task(2)) is store.workflows.get(KEY)
    assert store.workflows.of(task(2, uid="another")) is None
    assert store.workflows.of(make_task()) is None


def test_an_older_version_changes_nothing() -> None:
    store = Store()
    store.workflows.put(workflow(2, cancel=True))
    store.workflows.put(workflow(1))
    found = store.workflows.get(KEY)
    assert found is not None
    assert found.cancel
    store.workflows.drop(found)
    store.workflows.put(workflow(3))
    assert store.workflows.get(KEY) is None, "an answer that was on its way when it was deleted"


def test_the_tasks_of_a_deleted_workflow_are_reconciled() -> None:
    changes = Changes()
    store = Store(changes)
    store.workflows.put(workflow())
    store.put_task(task(2, Phase.SUCCEEDED))
    changes.tasks.clear()
    store.workflows.drop(workflow())
    assert changes.tasks == [Key(NAMESPACE, "flow-a")]
    assert store.workflows.all() == []


def test_who_writes_in_another_namespace_says_nothing_of_this_workflow() -> None:
    changes = Changes()
    store = Store(changes)
    store.workflows.put(workflow())
    part = PartOf(name="flow", uid="1", step="a")
    status = TaskStatus(phase=Phase.SUCCEEDED)
    written = make_task("flow-a", version=2, status=status, workflow=part)
    metadata = written.metadata.model_copy(update={"namespace": "other"})
    store.put_task(written.model_copy(update={"metadata": metadata}))
    assert store.workflows.tasks(ID) == {}
    assert store.workflows.tasks(WorkflowId("other", "1")) == {A: Phase.SUCCEEDED}
    assert not store.workflows.has_result(ID, A)


def test_who_retries_it_in_another_namespace_keeps_it_not() -> None:
    store = Store()
    metadata = {"name": "again", "namespace": "other", "uid": "2", "resourceVersion": "1"}
    spec = {"steps": [], "retryOf": {"name": "flow", "uid": "1"}}
    store.workflows.put(workflow())
    store.workflows.put(parse_workflow({"metadata": metadata, "spec": spec}))
    assert not store.workflows.retries.holds(ID)
    assert store.workflows.retries.first(ID) is None
    assert store.workflows.retries.holds(WorkflowId("other", "1"))
