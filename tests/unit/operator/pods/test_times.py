"""The times that a node reports of a pod, set right."""

from datetime import timedelta
from typing import Any

import pytest

from djangotasks_operator.pods.times import clock_behind, ended_at, running_since
from tests.support.builders import NOW, at, make_pod


@pytest.mark.parametrize(
    ("pod", "seconds"),
    [
        ({}, 0),
        ({"scheduled_at": at(-10)}, 0),
        ({"scheduled_at": at(-10), "acknowledged_at": at(-9)}, 0),
        ({"scheduled_at": at(-10), "acknowledged_at": at(-3610)}, 3600),
    ],
    ids=["no times", "not taken yet", "taken afterwards", "taken before it was scheduled"],
)
def test_a_nodes_clock_is_behind_by_what_cannot_be(pod: dict[str, Any], seconds: float) -> None:
    made = make_pod(running_since=at(-5), **pod)
    assert clock_behind(made) == timedelta(seconds=seconds)
    assert running_since(made) == at(-5 + seconds)


def test_a_pod_that_is_not_there_has_no_times() -> None:
    assert clock_behind(None) == timedelta()
    assert running_since(make_pod()) is None
    assert ended_at(make_pod(), NOW) is None
