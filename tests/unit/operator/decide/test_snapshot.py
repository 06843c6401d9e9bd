"""What a snapshot says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.decide.snapshot import DeletedFor
from tests.support.builders import make_snapshot


@pytest.mark.parametrize(
    ("known", "why"),
    [
        ({}, DeletedFor.TTL),
        ({"surplus": True}, DeletedFor.HISTORY),
        ({"needless": True, "surplus": True}, DeletedFor.WORKFLOW),
    ],
)
def test_why_a_task_is_deleted(known: Any, why: DeletedFor) -> None:
    assert make_snapshot(**known).deleted_for is why
