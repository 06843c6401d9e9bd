"""A queue has exactly one source of its pods."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_api.models import QueueSpec

FOLLOWED: dict[str, Any] = {"podTemplateFrom": {"deployment": "web"}}
WRITTEN: dict[str, Any] = {"template": {"spec": {}}}


@pytest.mark.parametrize("source", [FOLLOWED, WRITTEN])
def test_a_queue_with_one_source_is_accepted(source: dict[str, Any]) -> None:
    assert QueueSpec.model_validate(source).concurrency is None


@pytest.mark.parametrize("sources", [{}, FOLLOWED | WRITTEN])
def test_a_queue_with_no_source_or_two_is_refused(sources: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="exactly one of template and podTemplateFrom"):
        QueueSpec.model_validate(sources)
