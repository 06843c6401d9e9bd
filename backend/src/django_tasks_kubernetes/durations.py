"""Durations as Python code gives them: a timedelta, or a number of seconds."""

import math
from datetime import timedelta
from typing import Any

type Duration = timedelta | float


def seconds(name: str, value: Any, *, least: float = 0, most: float, whole: bool = False) -> float:
    """The seconds. Raises ValueError or TypeError, with `name` for what it is. `whole`: rounded up to whole seconds, as
    Kubernetes has them."""
    if isinstance(value, timedelta):
        number = value.total_seconds()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value)
    else:
        raise TypeError(f"{name} must be a timedelta or a number of seconds, not {value!r}.")
    if whole and math.isfinite(number):
        number = math.ceil(number)
    if math.isnan(number) or not least <= number <= most:
        raise ValueError(f"{name} must be from {least:g} s to {most:g} s, not {value!r}.")
    return number
