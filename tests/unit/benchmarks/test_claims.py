"""The figures of a claim are what the operator used for a task, without what it uses anyway."""

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import claims
from benchmarks.claims import Batch
from benchmarks.operator_counters import Counters

BATCHES = [
    Batch(100, 100, Counters.Difference(seconds=20.0, cpu=1.1, writes=500.0)),
    Batch(100, 98, Counters.Difference(seconds=30.0, cpu=1.4, writes=502.0)),
]


def test_of_all_tasks_of_all_batches() -> None:
    assert claims.cpu(BATCHES, idle=0.01) == pytest.approx(10.0)
    assert claims.writes(BATCHES) == pytest.approx(5.01)
    assert claims.hits(BATCHES) == pytest.approx(0.99)


def test_the_pods_of_tasks_that_have_ended() -> None:
    def task(name: str, phase: str, *pods: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "status": {"phase": phase, "attempts": [{"pod": pod} for pod in pods]}}

    items = [task("a", "Succeeded", "a-1"), task("b", "Succeeded", "warm-0-12"), task("c", "Pending")]
    site: Any = SimpleNamespace(namespace="shop", api=SimpleNamespace(get=lambda _: {"items": items}))
    assert claims.pods_of(site) == {"a": "a-1", "b": "warm-0-12"}


@pytest.mark.parametrize(
    ("phase", "end"), [("", None), ("Running", None), ("Succeeded", "Succeeded"), ("Failed", "Failed")]
)
def test_a_pod_ends_with_its_phase(phase: str, end: str | None) -> None:
    assert claims.pod_end({"metadata": {}, "status": {"phase": phase} if phase else {}}) == end
