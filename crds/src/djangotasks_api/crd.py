"""Makes a CustomResourceDefinition with a structural schema from a pydantic model."""

import inspect
from dataclasses import dataclass
from typing import Any, NamedTuple

from djangotasks_api.models.base import Model
from djangotasks_api.names import GROUP, VERSION

Schema = dict[str, Any]

# JSON Schema keywords that a structural schema does not allow, or that no reader needs. (`additionalProperties` with a
# schema, of a map, is kept.)
DROPPED = frozenset({"title", "additionalProperties", "propertyNames"})
# The API server's JSON has one number type for integers; without a format kubectl explain is vague.
FORMATS = {"integer": "int64"}


class Rule(NamedTuple):
    """A validation rule: https://kubernetes.io/docs/reference/using-api/cel/"""

    expression: str
    """In CEL."""

    message: str
    """Shown when the expression is false."""


class Column(NamedTuple):
    """A column of `kubectl get`."""

    name: str
    type: str
    path: str
    priority: int = 0
    """1 for a column that only `-o wide` shows."""


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A CRD: its model, and what a model cannot express."""

    kind: str
    plural: str
    short_name: str
    model: type[Model]
    columns: tuple[Column, ...]

    selectable_fields: tuple[str, ...] = ()
    """JSON paths that field selectors may use."""

    rules: tuple[Rule, ...] = ()
    """Rules on the whole resource."""

    spec_rules: tuple[Rule, ...] = ()
    """Rules on its spec."""

    status_default: dict[str, Any] | None = None
    """The status of a resource that has none."""


def structural(schema: Schema, definitions: Schema) -> Schema:
    """Inline references, turn "X or null" into X, and drop what a structural schema cannot hold."""
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
            # An empty default would add the part to resources that lack it; the status belongs to its writer.
            case ("default", None | [] | dict()):
                continue
            case _:
                if key not in DROPPED:
                    result[key] = value
    if (name := result.get("type")) in FORMATS:
        result.setdefault("format", FORMATS[name])
    return result


def _validations(rules: tuple[Rule, ...]) -> list[dict[str, str]]:
    return [{"rule": rule.expression, "message": rule.message} for rule in rules]


def custom_resource_definition(definition: Definition) -> Schema:
    """The CRD as a dictionary, ready for YAML."""
    raw = definition.model.model_json_schema(by_alias=True)
    schema = structural(raw, raw.get("$defs", {}))
    properties = schema["properties"]
    # The API server has its own schema of metadata; fields named here would only hide it.
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
            {
                "name": column.name,
                "type": column.type,
                "jsonPath": column.path,
                **({"priority": column.priority} if column.priority else {}),
            }
            for column in definition.columns
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
