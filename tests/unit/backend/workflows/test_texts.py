"""The arguments of a workflow's task that are results of others: for who looks at it, and for a retry by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.tasks import task_backends

from django_tasks_kubernetes.exceptions import InvalidResource, NotFinished, PayloadTooLarge
from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from tests.unit.backend import tasks
from tests.unit.backend.large_data import limited

PATH = tasks.echo.module_path
SPEC: dict[str, Any] = {
    "lists": [{"name": "list", "items": "[0,1]"}],
    "steps": [
        {"name": "rows", "task": PATH},
        {"name": "map", "task": PATH, "map": {"over": "rows"}},
        {"name": "lane", "task": PATH, "map": {"each": "map"}},
    ],
}


def put(
    cluster: InMemoryCluster, name: str, result: str | None, step: str, *inputs: dict[str, str], **part: Any
) -> None:
    """A task of the workflow, as the operator has made it."""
    workflow = {"name": "flow", "uid": "u", "step": step, **part}
    spec = {"task": PATH, "backend": "default", "payload": '{"args":[null,null],"kwargs":{}}', "workflow": workflow}
    labels = {"djangotasks.dev/workflow": "flow", "team": "shop"}
    cluster.resources[name] = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTask",
        "metadata": {"name": name, "labels": labels},
        "spec": spec | ({"inputs": list(inputs)} if inputs else {}),
        "status": {"phase": "Succeeded", "result": result},
    }


@pytest.fixture
def cluster() -> Any:
    with in_memory() as cluster:
        steps: dict[str, Any] = {
            "rows": {"phase": "Succeeded"},
            "map": {"phase": "Succeeded", "width": 3, "completedIndexes": "0,2", "failedIndexes": "1"},
            "lane": {"phase": "Running", "width": 3},
        }
        steps["map"]["takenOver"] = [{"workflow": "early", "uid": "e", "indexes": "2"}]
        cluster.workflows.resources["flow"] = {
            "metadata": {"name": "flow", "uid": "u"},
            "spec": SPEC,
            "status": {"phase": "Running", "steps": steps},
        }
        put(cluster, "flow-rows", '[1.10,"b",7]', "rows")
        put(cluster, "flow-map-00000", '"zero"', "map", index=0)
        put(cluster, "early-map-00002", '"two"', "map", index=2)
        yield cluster


@pytest.mark.parametrize(
    ("step", "index", "inputs", "args"),
    [
        ("lane", 2, [{"into": "/args/0"}], ["two", None]),
        ("map", 1, [{"into": "/args/1"}], [None, "b"]),
        ("map", 0, [{"into": "/args/0", "step": "rows", "pointer": "/0"}], [1.1, None]),
        (
            "map",
            0,
            [{"into": "/args/0", "step": "map"}, {"into": "/args/1", "step": "rows"}],
            [["zero", None, "two"], [1.1, "b", 7]],
        ),
    ],
)
def test_arguments_are_read_when_somebody_looks(
    cluster: InMemoryCluster, step: str, index: int, inputs: list[dict[str, str]], args: list[Any]
) -> None:
    put(cluster, "task", "null", step, *inputs, index=index)
    result = task_backends["default"].get_result("task")
    assert "<results of other tasks>" in repr(result)
    assert (result.args, result.kwargs) == (args, {})


@pytest.mark.parametrize("gone", ["flow-rows", "flow"])
def test_what_is_gone_is_named(cluster: InMemoryCluster, gone: str) -> None:
    put(cluster, "task", "null", "map", {"into": "/args/0", "step": "rows"}, index=0)
    result = task_backends["default"].get_result("task")
    (cluster.workflows if gone == "flow" else cluster).resources.pop(gone)
    with pytest.raises(InvalidResource, match=f"results of its workflow flow, and {gone} was deleted"):
        _ = result.args


def test_another_workflow_of_the_name_is_another(cluster: InMemoryCluster) -> None:
    put(cluster, "task", "null", "map", {"into": "/args/0", "step": "rows"}, index=0, uid="old")
    with pytest.raises(InvalidResource, match="flow was deleted"):
        _ = task_backends["default"].get_result("task").args


def test_a_retry_by_hand_has_them_in_its_payload(cluster: InMemoryCluster) -> None:
    put(cluster, "task", "null", "map", {"into": "/args/0", "step": "rows"}, index=0)
    backend: Any = task_backends["default"]
    again = cluster.get(backend.retry("task").id)
    assert again["spec"]["payload"] == '{"args":[[1.10,"b",7],null],"kwargs":{}}'
    assert not {"inputs", "workflow"} & again["spec"].keys()
    assert again["metadata"]["labels"] == {
        "team": "shop",
        "djangotasks.dev/in-order": "",
        "djangotasks.dev/retry-of": "task",
    }


def test_a_retry_by_hand_has_the_limits_of_any_task(cluster: InMemoryCluster) -> None:
    put(cluster, "flow-rows", f'"{"x" * 100_000}"', "rows")
    put(cluster, "task", "null", "map", {"into": "/args/0", "step": "rows"}, index=0)
    backend: Any = task_backends["default"]
    with pytest.raises(PayloadTooLarge, match="arguments of task task take"):
        backend.retry("task")
    with limited(STORAGE="default"):
        stored: Any = task_backends["default"]
        assert "payloadRef" in cluster.get(stored.retry("task").id)["spec"]


def test_an_unfinished_task_is_not_repeated(cluster: InMemoryCluster) -> None:
    put(cluster, "task", "null", "map", {"into": "/args/0", "step": "rows"}, index=0)
    cluster.resources["task"]["status"] = {"phase": "Running"}
    backend: Any = task_backends["default"]
    with pytest.raises(NotFinished):
        backend.retry("task")
