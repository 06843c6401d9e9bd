"""The calls of enqueue_many(), and the report of them."""

from __future__ import annotations

from typing import Any

import pytest

from django_tasks_kubernetes.enqueue.calls import Enqueued, NotAccepted, unpack

TASK: Any = object()


@pytest.mark.parametrize(
    ("call", "expected"),
    [((TASK,), (TASK, (), {})), ((TASK, [1]), (TASK, [1], {})), ((TASK, [1], {"a": 2}), (TASK, [1], {"a": 2}))],
)
def test_a_call_may_leave_out_its_arguments(call: Any, expected: Any) -> None:
    assert unpack(call) == expected


@pytest.mark.parametrize("call", [(), (TASK, [], {}, 1), TASK, None])
def test_what_is_no_call_is_refused(call: Any) -> None:
    with pytest.raises(TypeError, match=r"A call is \(task,\), \(task, args\) or \(task, args, kwargs\), not"):
        unpack(call)


def test_a_report_raises_all_errors_at_once() -> None:
    errors = [ValueError("a"), TypeError("b")]
    result: Any = object()
    report = Enqueued(
        [None, result, None], [NotAccepted(at, (TASK,), error) for at, error in zip((0, 2), errors, strict=True)]
    )
    assert report.accepted == [result]
    with pytest.raises(ExceptionGroup, match="2 of 3 tasks were not accepted") as raised:
        report.raise_for_not_accepted()
    assert list(raised.value.exceptions) == errors
    Enqueued([result]).raise_for_not_accepted()
