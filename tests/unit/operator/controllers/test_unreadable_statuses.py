"""A task whose stored status cannot be read, because an older CRD let it through, ends, and costs no more than that."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.names import TASK_PLURAL
from djangotasks_api.phases import Phase, Reason
from djangotasks_operator.runtime.resources import Resource
from tests.unit.operator.harness import InMemoryOperator, make_operator

UNREADABLE = [
    {"attempts": "x"},
    {"attempts": [{"number": -1}]},
    {"phase": "Running", "attempts": [{"number": 1}], "startedAt": "nonsense"},
    {"progress": {"percent": 5000}},
    {"phase": "Bogus"},
    {"message": "x" * 100_000},
]


def operator_with(status: dict[str, Any]) -> tuple[InMemoryOperator, list[Any]]:
    operator, patches = make_operator(), list[Any]()
    operator.put_queue()
    body = {"metadata": {"name": "receipt"}, "spec": {"task": "shop.tasks.a", "queue": "default"}, "status": status}
    operator.server.create(TASK_PLURAL, body)
    patch_status = operator.api.patch_status

    async def counted(resource: Resource, namespace: str, name: str, version: str, status: Any) -> Any:
        if resource.plural == TASK_PLURAL:
            patches.append(status)
        return await patch_status(resource, namespace, name, version, status)

    operator.api.patch_status = counted  # type: ignore[method-assign]
    return operator, patches


@pytest.mark.parametrize("status", UNREADABLE)
def test_it_ends_with_one_write(status: dict[str, Any]) -> None:
    operator, patches = operator_with(status)
    operator.relist()
    operator.drain()
    assert len(patches) == 1
    stored = operator.status()
    assert (stored.phase, stored.reason) == (Phase.FAILED, Reason.INVALID_SPEC)
    assert stored.message is not None
    assert stored.message.startswith("The task cannot be read: status.")


def test_a_status_that_nothing_changes_is_written_once_a_pass() -> None:
    operator, patches = operator_with({"attempts": "x"})

    async def nothing(resource: Resource, namespace: str, name: str, version: str, status: Any) -> Any:
        if resource.plural == TASK_PLURAL:
            patches.append(status)
        return operator.server.get(resource.plural, name)

    operator.api.patch_status = nothing  # type: ignore[method-assign]
    operator.relist()
    operator.drain()
    assert len(patches) == 1
    operator.wait(1.0)
    assert len(patches) == 2, "after a backoff"


def test_of_a_spec_that_cannot_be_read_the_status_stays() -> None:
    operator, patches = operator_with({"logTail": {"attempt": 1, "text": "x"}})
    operator.server.update(TASK_PLURAL, "receipt", {"spec": {"priority": "x"}})
    operator.relist()
    operator.drain()
    assert len(patches) == 1
    status = operator.server.get(TASK_PLURAL, "receipt")["status"]
    assert (status["reason"], status["logTail"]["text"]) == ("InvalidSpec", "x")
