"""An operator that leads, with the queue `default`."""

from __future__ import annotations

import pytest

from tests.unit.operator.harness import InMemoryOperator, make_operator


@pytest.fixture
def operator() -> InMemoryOperator:
    operator = make_operator()
    operator.put_queue()
    return operator
