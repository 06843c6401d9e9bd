"""Compare resource versions."""

from typing import Protocol


class Versioned(Protocol):
    """One state of one object."""

    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


def newer(version: str, than: str) -> bool:
    """Compare resource versions of one kind: they are numbers that grow (https://kep.k8s.io/5504)."""
    return int(version or 0) > int(than or 0)
