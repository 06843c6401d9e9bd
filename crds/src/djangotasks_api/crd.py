"""Turns a pydantic model into a CustomResourceDefinition with a structural schema."""

import inspect
from dataclasses import dataclass, field
from typing import Any

from djangotasks_api.models.base import Model
from djangotasks_api.names import GROUP, VERSION

# Rule and message, in CEL: https://kubernetes.io/docs/reference/using-api/cel/
Rule = tuple[str, str]
# Name, type, JSON path, priority (1 shows with -o wide only).
Column = tuple[str, str, str, int]
Schema = dict[str, Any]

# JSON Schema words that a structural schema does not have, or that say nothing to a reader. (`additionalProperties`
# with a schema, of a map, is kept.)
DROPPED = frozenset({"title", "additionalProperties", "propertyNames"})
# The API server's JSON has one number type for integers; without a format kubectl explain is vague.
FORMATS = {"integer": "int64"}


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What a CRD says beyond its model."""

    kind: str
    plural: str
    short_name: str
    model: type[Model]
    columns: tuple[Column, ...]
    selectable_fields: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    spec_rules: tuple[Rule, ...] = ()
    status_default: dict[str, Any] | None = field(default=None)


def structural(schema: Schema, definitions: Schema) -> Schema:
    """Inlines references, turns "X or null" into X, and drops what a structural schema cannot hold."""
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix("#/$defs/")]
        return structural(target | {k: v for k, v in schema.items() if k != "$ref"}, definitions)
    if "anyOf" in schema:
        # The only unions are with null; an absent field says the same, so null is pruned.
        (option,) = (option for option in schema["anyOf"] if option.get("type") != "null")
        rest = {k: v for k, v in schema.items() if k != "anyOf" and not (k == "default" and v is None)}
        return structural(option | rest, definitions)
    result: Schema = {}
    for key, value in schema.items():
        match key, value:
            case ("description", str()):
                result[key] = inspect.cleandoc(value).replace("\n", " ")
            case ("properties", dict()):
                result[key] = {name: structural(sub, definitions) for name, sub in value.items()}
            case ("items" | "additionalProperties", dict()):
                result[key] = structural(value, definitions)
            case ("const", _):
                result["enum"] = [value]
            # Of a part that is not there, nothing is made up: the status is its writer's.
            case ("default", None | [] | dict()):
                continue
            case _:
                if key not in DROPPED:
                    result[key] = value
    if (name := result.get("type")) in FORMATS:
        result.setdefault("format", FORMATS[name])
    return result


def _validations(rules: tuple[Rule, ...]) -> list[dict[str, str]]:
    return [{"rule": rule, "message": message} for rule, message in rules]


def custom_resource_definition(definition: Definition) -> Schema:
    """The CRD as a dictionary, ready for YAML."""
    raw = definition.model.model_json_schema(by_alias=True)
    schema = structural(raw, raw.get("$defs", {}))
    properties = schema["properties"]
    # The API server knows metadata by itself; naming its fields here would only hide them.
    properties["metadata"] = {"type": "object"}
    if definition.spec_rules:
        properties["spec"]["x-kubernetes-validations"] = _validations(definition.spec_rules)
    if definition.status_default is not None:
        properties["status"]["default"] = definition.status_default
    root: Schema = {
        "type": "object",
        "description": schema["description"],
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            **properties,
        },
    }
    if definition.rules:
        root["x-kubernetes-validations"] = _validations(definition.rules)
    version: Schema = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": root},
        "additionalPrinterColumns": [
            {"name": name, "type": type_, "jsonPath": path, **({"priority": priority} if priority else {})}
            for name, type_, path, priority in definition.columns
        ],
    }
    if "status" in properties:
        version["subresources"] = {"status": {}}
    if definition.selectable_fields:
        version["selectableFields"] = [{"jsonPath": path} for path in definition.selectable_fields]
    singular = definition.kind.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{definition.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "singular": singular,
                "shortNames": [definition.short_name],
            },
            "scope": "Namespaced",
            "versions": [version],
        },
    }
