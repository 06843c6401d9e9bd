"""Label selectors as a list request has them."""

from __future__ import annotations

from typing import Any

import pytest

from djangotasks_operator.pods.selectors import to_query


@pytest.mark.parametrize(
    ("selector", "query"),
    [
        ({"matchLabels": {"app": "web", "tier": "front"}}, "app=web,tier=front"),
        (
            {
                "matchLabels": {"app": "web"},
                "matchExpressions": [
                    {"key": "tier", "operator": "In", "values": ["front", "edge"]},
                    {"key": "env", "operator": "NotIn", "values": ["test"]},
                    {"key": "team", "operator": "Exists"},
                    {"key": "old", "operator": "DoesNotExist"},
                ],
            },
            "app=web,tier in (front,edge),env notin (test),team,!old",
        ),
        ({"matchLabels": None}, ""),
    ],
)
def test_a_selector_as_a_query(selector: dict[str, Any], query: str) -> None:
    assert to_query(selector) == query
