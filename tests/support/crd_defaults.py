"""The CRD's defaults, as the API server fills them in: structural defaulting of apiextensions-apiserver."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


@cache
def task_schema() -> dict[str, Any]:
    crd = yaml.safe_load((ROOT / "crds" / "djangotasks.yaml").read_text())
    schema: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def with_defaults(resource: dict[str, Any]) -> dict[str, Any]:
    """A copy of a DjangoTask as the API server stores it."""
    stored = deepcopy(resource)
    _fill(stored, task_schema())
    return stored


def _fill(value: Any, schema: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for name, part in schema.get("properties", {}).items():
            if name not in value and "default" in part:
                value[name] = deepcopy(part["default"])
            if name in value:
                _fill(value[name], part)
    elif isinstance(value, list):
        for item in value:
            _fill(item, schema.get("items", {}))
