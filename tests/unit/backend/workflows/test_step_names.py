"""Steps are named after their functions."""

from __future__ import annotations

import pytest

from django_tasks_kubernetes.workflows.step_names import step_name


@pytest.mark.parametrize(
    ("function", "taken", "name"),
    [
        ("extract", [], "extract"),
        ("build_report", [], "build-report"),
        ("send_the_monthly_report", [], "send-the-month"),
        ("extract", ["extract"], "extract-2"),
        ("send_the_monthly_report", ["send-the-month"], "send-the-mon-2"),
        ("größe", [], "gr-e"),
        ("größe", ["gr-e", "gr-e-2"], "gr-e-3"),
        ("ж", [], "step"),
        # backfill-20261 would be a task of a map.
        ("backfill_20261130", [], "backfill-202-2"),
        ("backfill_20261130", ["backfill-202-2"], "backfill-202-3"),
    ],
)
def test_a_name(function: str, taken: list[str], name: str) -> None:
    assert step_name(function, taken) == name
