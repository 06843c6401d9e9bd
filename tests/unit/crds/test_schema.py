"""The CRDs say what the models say. What the API server makes of them is tested on the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from djangotasks_api.crd import custom_resource_definition
from djangotasks_api.models import TaskSpec
from djangotasks_api.names import DNS_LABEL_PATTERN, DOTTED_PATH_PATTERN
from djangotasks_api.schema import files, queue_definition, task_definition

SCHEMAS = {
    definition.kind: custom_resource_definition(definition)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for definition in (task_definition(), queue_definition())
}


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from fields(schema["items"], path + "[]")


def test_the_files_are_fresh() -> None:
    for path, text in files().items():
        assert path.read_text() == text, f"run `make generate`: {path}"


@pytest.mark.parametrize("kind", SCHEMAS)
def test_every_field_has_a_description_and_a_type(kind: str) -> None:
    for path, field in fields(SCHEMAS[kind]):
        assert field["type"], path
        if path not in (".metadata", ".apiVersion", ".kind"):
            assert field.get("description"), path


@pytest.mark.parametrize("kind", SCHEMAS)
def test_strings_and_lists_are_bounded(kind: str) -> None:
    """What has no bound makes CEL rules too dear, and etcd full."""
    for path, field in fields(SCHEMAS[kind]):
        if path in (".apiVersion", ".kind", ".metadata", ".status.attempts[].job", ".status.attempts[].pod"):
            continue
        if field["type"] == "string" and "enum" not in field and field.get("format") != "date-time":
            assert "maxLength" in field, path
        if field["type"] == "array":
            assert "maxItems" in field, path


@pytest.mark.parametrize("kind", SCHEMAS)
def test_the_schema_is_structural(kind: str) -> None:
    for path, field in fields(SCHEMAS[kind]):
        assert not {"$ref", "anyOf", "allOf", "oneOf", "title"} & set(field), path


def test_every_field_of_the_spec_but_cancel_is_frozen() -> None:
    rules = SCHEMAS["DjangoTask"]["properties"]["spec"]["x-kubernetes-validations"]
    frozen = {match[1] for rule in rules if (match := re.match(r"has\(self\.(\w+)\) == has\(oldSelf", rule["rule"]))}
    free = {"cancel", "cancel_reason"}
    assert frozen == {field.alias for name, field in TaskSpec.model_fields.items() if name not in free}


def test_patterns() -> None:
    label = re.compile(DNS_LABEL_PATTERN)
    assert label.match("high-priority")
    assert not any(label.match(name) for name in ("", "High", "a_b", "-a", "a-", "a.b"))
    for path in ("shop.tasks.send", "täsks.größe", "a.b._c1"):
        TaskSpec(task=path)
    for path in ("", "send", "shop.", ".tasks", "shop..tasks", "shop.tasks.1x", "../etc/passwd", "a.b\n", "os;.x"):
        with pytest.raises(ValueError, match="task"):
            TaskSpec(task=path)
    assert DOTTED_PATH_PATTERN.startswith("^")
    assert DOTTED_PATH_PATTERN.endswith("$")
