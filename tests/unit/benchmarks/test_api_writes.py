from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.api_writes import difference, disturbance, operator_part, parse, per_task


def line(verb: str, resource: str, count: int, **labels: str) -> str:
    values = {"code": "201", "dry_run": "", "group": "", "resource": resource, "subresource": "", "verb": verb} | labels
    return "apiserver_request_total{" + ",".join(f'{k}="{v}"' for k, v in values.items()) + f"}} {count}"


METRICS = "\n".join(
    [
        "# TYPE apiserver_request_total counter",
        line("POST", "pods", 3),
        line("POST", "pods", 2, code="200"),
        line("POST", "pods", 7, code="409"),
        line("POST", "pods", 4, subresource="binding"),
        line("POST", "pods", 9, dry_run="All"),
        line("GET", "pods", 100),
        line("PUT", "leases", 50, group="coordination.k8s.io"),
        line("POST", "subjectaccessreviews", 50, group="authorization.k8s.io"),
        line("PATCH", "nodes", 5, subresource="status"),
        line("PATCH", "events", 11),
        "apiserver_request_duration_seconds_count 5",
    ]
)


def test_parse_counts_successful_writes_that_are_stored() -> None:
    assert parse(METRICS) == {"POST pods": 5, "POST pods/binding": 4, "PATCH events": 11}


def test_difference_leaves_out_what_did_not_change() -> None:
    assert difference(Counter({"a": 5, "b": 2, "c": 1}), Counter({"a": 3, "b": 2})) == {"a": 2, "c": 1}


@pytest.mark.parametrize(
    ("writes", "expected", "strange"),
    [
        ({"POST pods": 2, "PATCH events": 9}, {"POST pods": 2}, ""),
        ({"POST pods": 3}, {"POST pods": 2}, "3 POST pods instead of 2"),
        ({"POST jobs": 1}, {}, "1 POST jobs instead of 0"),
        ({"DELETE secrets": 1}, {}, "1 deletions"),
    ],
)
def test_the_work_of_others_shows(writes: dict[str, int], expected: dict[str, int], strange: str) -> None:
    assert disturbance(Counter(writes), expected) == strange


def test_per_task_takes_the_idle_share_away() -> None:
    writes, idle = (
        Counter({"PATCH pods/status": 4, "POST pods": 10, "PUT endpoints": 1}),
        Counter({"PATCH pods/status": 1}),
    )
    assert per_task(writes, idle, 2.0, 10) == {"PATCH pods/status": 0.2, "POST pods": 1.0, "PUT endpoints": 0.1}
    assert per_task(Counter(), idle, 1.0, 10) == {}


def test_operator_part() -> None:
    figures = {"POST pods": 1.0, "PATCH djangotasks/status": 1.5, "PATCH pods/status": 4.0}
    assert operator_part(figures) == {"POST pods": 1.0, "PATCH djangotasks/status": 1.5}
