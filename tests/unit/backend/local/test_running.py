"""Whose code is running, and what it owns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from django_tasks_kubernetes.local.running import Running, current, entered, outside

PARENT = Running("parent", "default", 2)


def resource(name: str = "child", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {"a": "b"}}, "spec": {"task": "a.b"} | spec}


def test_it_is_known_in_its_own_thread_and_while_it_runs() -> None:
    assert current() is None
    with entered(PARENT):
        assert current() is PARENT
        with outside():
            assert current() is None
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(current).result() is None
    assert current() is None


def test_what_it_enqueues_says_so() -> None:
    given = resource()
    made = PARENT.stamp(given)
    assert made["spec"]["enqueuedBy"] == {"name": "parent", "uid": "parent", "attempt": 2}
    assert made["metadata"]["labels"] == {"a": "b", "djangotasks.dev/enqueued-by": "parent"}
    assert given == resource(), "what was given is unchanged"


@pytest.mark.parametrize(
    ("found", "owns"),
    [
        (resource("parent"), True),
        (resource(enqueuedBy={"name": "parent"}), True),
        (resource(enqueuedBy={"name": "other"}), False),
        (resource(enqueuedBy=None), False),
        (resource(), False),
    ],
)
def test_what_it_owns(found: dict[str, Any], owns: bool) -> None:
    assert PARENT.owns(found) is owns
