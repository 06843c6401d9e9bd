"""What an attempt has used of its node, as it says itself. The standard library alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from djangotasks_api.bounds import CPU_SECONDS, MEMORY_BYTES
from djangotasks_api.number_range import Range

CPU_DIGITS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """None for what is not known."""

    memory_bytes: int | None = None
    """The most memory at once."""

    memory_limit_bytes: int | None = None
    """What it may use at most; none where there is no limit."""

    cpu_seconds: float | None = None
    """CPU time, of user and system, of all its processes."""

    def to_data(self) -> dict[str, Any]:
        data = {
            "memoryBytes": self.memory_bytes,
            "memoryLimitBytes": self.memory_limit_bytes,
            "cpuSeconds": self.cpu_seconds,
        }
        return {name: value for name, value in data.items() if value is not None}

    @classmethod
    def from_data(cls, data: Any) -> Self | None:
        """Parse what a pod says. None for what is no usage: an outcome must not be lost over it."""
        if not isinstance(data, Mapping):
            return None
        memory, limit = (_within(MEMORY_BYTES, data.get(name)) for name in ("memoryBytes", "memoryLimitBytes"))
        cpu = _within(CPU_SECONDS, data.get("cpuSeconds"))
        if memory is None and cpu is None:
            return None
        return cls(
            memory_bytes=None if memory is None else int(memory),
            memory_limit_bytes=None if limit is None else int(limit),
            cpu_seconds=None if cpu is None else round(float(cpu), CPU_DIGITS),
        )


def _within(bounds: Range, value: Any) -> float | None:
    """The number, where it is one. NaN is in no range."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and value in bounds else None
