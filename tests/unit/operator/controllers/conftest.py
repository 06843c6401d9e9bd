"""An operator that leads, and a simulation, each with the queue `default`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.scenario import Scenario, few_interruptions


@pytest.fixture
def operator() -> InMemoryOperator:
    operator = make_operator()
    operator.put_queue()
    return operator


@pytest.fixture
def scenario() -> Iterator[Scenario]:
    """Nothing has happened yet: there is a queue without a limit."""
    with few_interruptions():
        scenario = Scenario()
        scenario.world.put_queue("default", None)
        yield scenario
        scenario.close()
