"""The schemas of the CRDs are structural, described and bounded. The API server's answers are tested on the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from pydantic import ValidationError

from djangotasks_api.crd import custom_resource_definition
from djangotasks_api.definitions import schedule_definition, task_definition
from djangotasks_api.models import DjangoTask
from djangotasks_api.queue_definitions import hold_definition, queue_definition

SCHEMAS = {
    definition.kind: custom_resource_definition(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for definition in (task_definition(), queue_definition(), hold_definition(), schedule_definition())
}
NAMES_OF_OBJECTS = (".status.attempts[].job", ".status.attempts[].pod")


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from fields(schema["items"], path + "[]")


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_has_a_description_and_a_type(kind: str) -> None:
    for path, field in fields(SCHEMAS[kind]):
        assert field["type"], path
        if path not in (".metadata", ".apiVersion", ".kind"):
            assert field.get("description"), path


@pytest.mark.parametrize("kind", SCHEMAS)
def test_strings_and_lists_are_bounded(kind: str) -> None:
    """Unbounded fields make CEL rules too expensive, and fill etcd."""
    for path, field in fields(SCHEMAS[kind]):
        if path in (".apiVersion", ".kind", ".metadata", *NAMES_OF_OBJECTS):
            continue
        if field["type"] == "string" and "enum" not in field and field.get("format") != "date-time":
            assert "maxLength" in field, path
        if field["type"] == "array":
            assert "maxItems" in field, path


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schema_is_structural(kind: str) -> None:
    for path, field in fields(SCHEMAS[kind]):
        assert not {"$ref", "anyOf", "allOf", "oneOf", "title"} & set(field), path


TIMES = {
    "2026-11-23T12:00:00Z": True,
    "2026-11-23T12:00:00.5+05:30": True,
    "9999-12-31T23:59:59.999999999-23:59": True,
    "2026-11-23t12:00:00Z": False,
    "2026-11-23T12:00:00z": False,
    "0000-01-01T00:00:00Z": False,
    "0001-01-01T00:00:00+23:59": False,
    "2026-11-23T12:00:00+24:00": False,
    "2026-11-23T12:00:60Z": False,
    "2026-11-23 12:00:00Z": False,
    "2026-11-23T12:00:00": False,
}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_time_has_a_pattern(kind: str) -> None:
    """`format: date-time` takes what CEL refuses on the next update: then nobody can change the resource again."""
    times = [field for _, field in fields(SCHEMAS[kind]) if field.get("format") == "date-time"]
    assert times
    for field in times:
        assert {text: re.search(field["pattern"], text) is not None for text in TIMES} == TIMES


@pytest.mark.parametrize(("text", "taken"), TIMES.items())
def test_the_model_takes_the_times_that_the_schema_takes(text: str, taken: bool) -> None:
    body = {"metadata": {"name": "a"}, "spec": {"task": "a.b", "runAfter": text}}
    with nullcontext() if taken else pytest.raises(ValidationError, match="RFC 3339"):
        DjangoTask.model_validate(body)
