"""The pod templates of a namespace are bounded together, and those of others are not touched."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import DjangoTaskQueue
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.queue_budget import NAMESPACE_MAX_BYTES, TEMPLATE_MAX_BYTES, QueueBudget
from djangotasks_operator.pods.fields import LEFT_OUT
from tests.support.builders import make_queue
from tests.unit.operator.harness import make_operator


def queue(name: str, size: int, namespace: str = "shop") -> DjangoTaskQueue:
    template: dict[str, Any] = {"spec": {"containers": [{"name": "task", "image": "x" * (size - 100)}]}}
    made = make_queue(name, template=template)
    return made.model_copy(update={"metadata": made.metadata.model_copy(update={"namespace": namespace})})


def is_left_out(found: DjangoTaskQueue) -> bool:
    return LEFT_OUT in (found.spec.template or {})


def test_a_template_that_is_too_large_is_left_out() -> None:
    budget = QueueBudget()
    assert not is_left_out(budget.take(queue("a", TEMPLATE_MAX_BYTES)))
    assert is_left_out(budget.take(queue("b", TEMPLATE_MAX_BYTES + 100)))
    followed = make_queue(template=None, pod_template_from={"deployment": "web"})
    assert budget.take(followed) == followed


def test_a_namespace_has_a_share_and_no_more() -> None:
    budget, size = QueueBudget(), TEMPLATE_MAX_BYTES - 100
    taken = [n for n in range(100) if not is_left_out(budget.take(queue(f"q{n}", size)))]
    assert taken == list(range(len(taken))), "the first ones"
    assert NAMESPACE_MAX_BYTES - TEMPLATE_MAX_BYTES < len(taken) * size <= NAMESPACE_MAX_BYTES
    assert not is_left_out(budget.take(queue("theirs", size, namespace="bank")))
    budget.free(Key("shop", "q0"))
    assert not is_left_out(budget.take(queue("q0", size)))


@pytest.mark.thorough
def test_updates_are_counted_once() -> None:
    budget = QueueBudget()
    for _ in range(1000):
        assert not is_left_out(budget.take(queue("a", TEMPLATE_MAX_BYTES - 100)))


def test_the_queue_says_why_its_tasks_wait() -> None:
    operator = make_operator()
    operator.put_queue(template={"spec": {"containers": [{"name": "task", "image": "x" * TEMPLATE_MAX_BYTES}]}})
    operator.drain()
    (ready,) = operator.queue_status().conditions
    assert (ready.status, ready.reason) == ("False", "InvalidTemplate")
    assert "more than 131072 bytes" in ready.message
