"""Prints how many hostile inputs were tried."""

import sys
from collections.abc import Iterator

import pytest

from tests.unit.operator.hostile.neighbour import TRIED


@pytest.fixture(autouse=True, scope="session")
def _count() -> Iterator[None]:
    yield
    if TRIED:
        print(f"\nblast radius: {TRIED.total()} hostile inputs {dict(TRIED)}", file=sys.__stderr__)
