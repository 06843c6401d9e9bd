"""Kubernetes label selectors: what they match, and how a request has them. Pure."""

from collections.abc import Mapping
from typing import Any


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """No selector matches nothing, and an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(expression, labels) for expression in selector.get("matchExpressions") or ()
    )


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key", ""), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


def to_query(selector: Mapping[str, Any]) -> str:
    """The selector as a list request has it."""
    wanted = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    return ",".join([*wanted, *map(_to_term, selector.get("matchExpressions") or ())])


def _to_term(expression: Mapping[str, Any]) -> str:
    key, values = expression.get("key", ""), ",".join(expression.get("values") or ())
    match expression.get("operator"):
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "DoesNotExist":
            return f"!{key}"
        case _:
            return str(key)
