"""Durations as Python code gives them, in seconds."""

from datetime import timedelta
from typing import Any

import pytest

from django_tasks_kubernetes.durations import seconds


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (timedelta(minutes=2), {}, 120),
        (1.5, {}, 1.5),
        (1.2, {"whole": True}, 2),
        (0, {}, 0),
        (60, {"most": 60}, 60),
    ],
)
def test_a_duration_in_seconds(value: Any, options: dict[str, Any], expected: float) -> None:
    assert seconds("timeout", value, **{"most": 3600} | options) == expected


@pytest.mark.parametrize("value", ["10m", None, True, [1]])
def test_a_duration_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=r"timeout must be a timedelta or a number of seconds, not "):
        seconds("timeout", value, most=60)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("value", [0.5, 61, -1, float("nan"), float("inf"), timedelta(days=1)])
def test_a_duration_outside_of_its_range_is_refused(value: Any, whole: bool) -> None:
    with pytest.raises(ValueError, match=r"timeout must be from 2 s to 60 s, not "):
        seconds("timeout", value, least=2, most=60, whole=whole)
