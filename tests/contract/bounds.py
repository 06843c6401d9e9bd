"""Both sides of every bound that the models set, and one value of each wrong type: found by walking the models, so
that a new field is covered on the day it is added. Pure."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from djangotasks_api.names import (
    CRON_PATTERN,
    DNS_LABEL_PATTERN,
    DNS_NAME_PATTERN,
    DOTTED_PATH_PATTERN,
    FAILURE_NAME_PATTERN,
    LABEL_VALUE_PATTERN,
    MODULE_PATTERN,
    POINTER_PATTERN,
    QUANTITY_PATTERN,
    RANGES_PATTERN,
    REASON_PATTERN,
    SHA256_PATTERN,
    TIME_ZONE_PATTERN,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from djangotasks_api.models.base import Model

Schema = dict[str, Any]
# The way to a field: names, and 0 for an item of a list.
Path = tuple[str | int, ...]

# A string of any length that a pattern allows, and strings that it refuses.
PATTERNS: dict[str, tuple[str, str, list[str]]] = {
    DNS_LABEL_PATTERN: ("a", "a", ["", "A", "-a", "a-", "a.b", "a b", "ä", "a\n"]),
    DOTTED_PATH_PATTERN: ("a.", "ä", ["", "a", "a.", ".a", "a..b", "a.1", "a b.c", "a.b\n", "../etc"]),
    MODULE_PATTERN: ("a", "ä", ["", ".a", "a.", "a..b", "1a", "a.1", "a b", "a.b\n", "../etc"]),
    FAILURE_NAME_PATTERN: ("a", "ä", ["", ".a", "a.", "a..b", "1a", "a b", "a.b\n"]),
    QUANTITY_PATTERN: ("1", "0", ["", "Gi", "-1", "1 Gi", "1gi", "1.", ".5", "1Gi\n", "1e", "1e100"]),
    SHA256_PATTERN: ("a", "0", ["", "A", "g", "a b", "a\n"]),
    LABEL_VALUE_PATTERN: ("A", "a", ["-a", "a-", "_a", "a b", "a/b", "ä", "a\n"]),
    REASON_PATTERN: ("A", "a", ["", "a", "A b", "A1", "Ä", "OOMKilled\n"]),
    CRON_PATTERN: ("* * * * 1", "1", ["", "* * * *", "* * * * * *", "@reboot", "*  * * * *", "0 0 ? * *", "@daily\n"]),
    TIME_ZONE_PATTERN: ("A", "a", ["", "/UTC", "UTC/", "../UTC", "1", "Europe/Ber lin", "UTC\n"]),
    POINTER_PATTERN: ("/", "ö", ["a", "a/b", "/~", "/~2", "/a~"]),
    RANGES_PATTERN: ("1", "1", ["a", "-1", "1-", "1,", ",1", "1-2-3", "1 2", "1\n"]),
    DNS_NAME_PATTERN: ("a.a", "a", ["", "A", ".a", "a.", "a..b"]),
}
WRONG_TYPES: dict[str, list[Any]] = {
    "integer": ["1", 1.5, True, [], {}],
    "number": ["1", True, [], {}],
    "string": [1, True, [], {}],
    "boolean": ["true", 1, [], {}],
    "array": ["a", 1, {}],
    "object": ["a", 1, []],
}
TIME = "2026-11-23T12:00:00Z"


@dataclass(frozen=True)
class Case:
    """`value` at `path` of the resource is accepted, or is not."""

    path: Path
    value: Any
    accepted: bool

    def __str__(self) -> str:
        text = repr(self.value)
        value = text if len(text) < 30 else f"{text[:20]}…({len(self.value)})"
        return f"{'.'.join(map(str, self.path))}={value}{'' if self.accepted else ' refused'}"


def cases(model: type[Model], part: str) -> list[Case]:
    """For every field below `part` ("spec" or "status") of a resource's model."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    return list(_cases(_resolved(schema["properties"][part], definitions), definitions, (part,)))


def put(body: Any, path: Path, value: Any, model: type[Model]) -> Any:
    """A copy of the resource with the value there. What must be on the way is made as small as its schema allows."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    result = here = deepcopy(body)
    for position, step in enumerate(path):
        schema = _resolved(_part(schema, step), definitions)
        if position == len(path) - 1:
            here[step] = value
        elif isinstance(step, int):
            here = here[step]
        else:
            here = here.setdefault(step, smallest(schema, definitions))
            if schema["type"] == "array":
                here[:] = [smallest(_resolved(schema["items"], definitions), definitions)]
    return result


def _part(schema: Schema, step: str | int) -> Schema:
    if isinstance(step, int):
        part: Schema = schema["items"]
    else:
        part = schema["properties"][step] if "properties" in schema else schema["additionalProperties"]
    return part


def smallest(schema: Schema, definitions: Schema) -> Any:
    """A value that the schema accepts."""
    schema = _resolved(schema, definitions)
    match schema:
        case {"enum": [first, *_]} | {"const": first}:
            return first
        case {"type": "object"}:
            return {name: smallest(_part(schema, name), definitions) for name in schema.get("required", ())}
        case {"type": "array"}:
            return [smallest(schema["items"], definitions)] * schema.get("minItems", 0)
        case {"type": "string", "format": "date-time"}:
            return TIME
        case {"type": "string"}:
            return _text(schema, max(schema.get("minLength", 0), 3), "ö")
        case {"type": "integer" | "number"}:
            return schema.get("minimum", 0)
        case _:
            return False


def _cases(schema: Schema, definitions: Schema, path: Path) -> Iterator[Case]:
    kind = "string" if "enum" in schema or "const" in schema else schema["type"]
    for value in WRONG_TYPES[kind]:
        # The API server takes a list for a time, whatever is in it (seen with 1.37). The operator calls it InvalidSpec.
        if not (schema.get("format") == "date-time" and isinstance(value, list)):
            yield Case(path, value, accepted=False)
    if "enum" in schema:
        yield from (Case(path, word, accepted=True) for word in schema["enum"])
        yield from (Case(path, word, accepted=False) for word in ("", "Other", schema["enum"][0].swapcase()))
        return
    match schema["type"]:
        case "integer" | "number":
            yield from _numbers(schema, path)
        case "string" if schema.get("format") == "date-time":
            yield from _sides(path, TIME, "yesterday")
            yield from _sides(path, "2026-11-23T12:00:00.123456+05:30", "2026-11-23T12:00:00")
        case "string":
            yield from _strings(schema, path)
        case "array":
            item = _resolved(schema["items"], definitions)
            yield from _lists(schema, path, [smallest(item, definitions)])
            yield from _cases(item, definitions, (*path, 0))
        case "object":
            yield from _objects(schema, definitions, path)
        case _:
            assert schema["type"] == "boolean", path


def _numbers(schema: Schema, path: Path) -> Iterator[Case]:
    if "minimum" in schema:
        yield from _sides(path, schema["minimum"], schema["minimum"] - 1)
    if "maximum" in schema:
        yield from _sides(path, schema["maximum"], schema["maximum"] + 1)


def _strings(schema: Schema, path: Path) -> Iterator[Case]:
    if "maxLength" in schema:
        # Characters are counted, not bytes; but of the payload both are, and ASCII has as many.
        filling = "x" if path[-1] == "payload" else "ö"
        longest = schema["maxLength"]
        yield from _sides(path, _text(schema, longest, filling), _text(schema, longest + 1, filling))
        if path[-1] == "payload":
            yield Case(path, "ö" * (longest // 2), accepted=True)
            yield Case(path, "ö" * (longest // 2 + 1), accepted=False)
    if "minLength" in schema:
        yield from _sides(path, "x" * schema["minLength"], "x" * (schema["minLength"] - 1))
    if "pattern" in schema:
        yield from (Case(path, text, accepted=False) for text in PATTERNS[schema["pattern"]][2])


def _lists(schema: Schema, path: Path, item: list[Any]) -> Iterator[Case]:
    if schema.get("x-kubernetes-list-type") == "map":
        # Two items of one key are refused, and there are fewer keys than the bound.
        yield from _sides(path, item, item * 2)
        return
    if (least := schema.get("minItems")) is not None:
        yield from _sides(path, item * least, item * (least - 1))
    yield from _sides(path, item * schema["maxItems"], item * (schema["maxItems"] + 1))


def _objects(schema: Schema, definitions: Schema, path: Path) -> Iterator[Case]:
    for name, field in schema.get("properties", {}).items():
        yield from _cases(_resolved(field, definitions), definitions, (*path, name))
    if isinstance(item := schema.get("additionalProperties"), dict):
        value, most = smallest(item, definitions), schema["maxProperties"]
        maps = ({f"key-{n}": value for n in range(size)} for size in (most, most + 1))
        yield from _sides(path, *maps)
        yield from _cases(_resolved(item, definitions), definitions, (*path, "any"))
    if len(path) == 1:
        return  # The resource is made with what the spec requires.
    whole = smallest(schema, definitions)
    for name in schema.get("required", ()):
        yield Case(path, {key: value for key, value in whole.items() if key != name}, accepted=False)


def _sides(path: Path, good: Any, bad: Any) -> Iterator[Case]:
    yield Case(path, good, accepted=True)
    yield Case(path, bad, accepted=False)


def _text(schema: Schema, length: int, filling: str) -> str:
    start, filling, _ = PATTERNS[schema["pattern"]] if "pattern" in schema else ("", filling, [])
    return start + filling * (length - len(start))


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Follows a reference, and takes the one side of "or null" that is a value."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")] | {k: v for k, v in schema.items() if k != "$ref"}
    if "anyOf" in schema:
        (option,) = (option for option in schema["anyOf"] if option.get("type") != "null")
        schema = _resolved(option, definitions) | {k: v for k, v in schema.items() if k != "anyOf"}
    return schema
