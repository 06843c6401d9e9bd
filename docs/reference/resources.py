"""The tables of the contract: fields, phases, reasons and bounds."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

from django_tasks_kubernetes.codec.reasons import EXCEPTIONS
from djangotasks_api import bounds, phases
from djangotasks_api.number_range import Range
from djangotasks_api.schedules import record
from djangotasks_api.workflow import bounds as workflow_bounds
from djangotasks_api.workflow import records
from docs.reference.markdown import one_line, table
from docs.reference.source import constants, docstrings

CRDS = Path(__file__).parents[2] / "crds"


def phases_table() -> str:
    texts = Documented(docstrings(phases, "Phase"))
    return table(("phase", "what it means"), ((f"`{phase}`", texts[phase.name]) for phase in phases.Phase))


def enum_table(name: str, what: str) -> Callable[[], str]:
    """The words of a workflow's status."""

    def make() -> str:
        texts = docstrings(records, name)
        return table((what, "what it means"), ((f"`{word}`", texts[word.name]) for word in getattr(records, name)))

    return make


def reasons_table() -> str:
    """The exception is what result.errors has where Python raised none."""
    texts = Documented(docstrings(phases, "Reason"))
    rows = ((f"`{reason}`", texts[reason.name], f"`{EXCEPTIONS[reason].__name__}`") for reason in phases.Reason)
    return table(("reason", "what it means, and what to do", "class in `result.errors`"), rows)


def fields_table(name: str) -> Callable[[], str]:
    """Every field of a CRD, as its schema has it."""

    def make() -> str:
        crd = yaml.safe_load((CRDS / f"{name}.yaml").read_text())
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        rows = (
            (f"`{path}`", type_of(field), one_line(field.get("description", "")) + said_default(field))
            for part in ("spec", "status")
            if part in schema["properties"]
            for path, field in fields_of(part, schema["properties"][part])
        )
        return table(("field", "type", "what it is"), rows)

    return make


def columns_table(name: str) -> Callable[[], str]:
    """The columns of `kubectl get` for the kind of a CRD."""

    def make() -> str:
        crd = yaml.safe_load((CRDS / f"{name}.yaml").read_text())
        columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
        rows = (
            (c["name"].upper(), f"`{c['jsonPath']}`", "with `-o wide`" if c.get("priority") else "") for c in columns
        )
        return table(("column", "field", ""), rows)

    return make


def bounds_table() -> str:
    """Every bound of the API, largest units first."""
    modules = (bounds, workflow_bounds)
    rows = ((text, amount(name, getattr(of, name))) for of in modules for name, text in constants(of).items())
    return table(("what it is", "bound"), rows)


def amount(name: str, value: Range | int) -> str:
    """A bound as people write it; its unit is the end of its name."""
    if isinstance(value, Range):
        if name == "YEARS":
            return f"{value.least} to {value.most}"
        return f"{value.least:,} to {value.most:,}{' seconds' if name.endswith('_SECONDS') else ''}"
    if name.endswith("_BYTES"):
        unit, size = ("MiB", 1024**2) if value % 1024**2 == 0 else ("KiB", 1024)
        return f"{value // size:,} {unit}"
    return f"{value:,}{' characters' if name.endswith('_CHARS') else ''}"


def fields_of(path: str, schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        inner = field.get("items", field)
        yield from fields_of(f"{path}.{name}[]" if "items" in field else f"{path}.{name}", inner)


def type_of(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " ".join(f"`{value}`" for value in field["enum"])
    text: str = field["type"]
    if field["type"] == "array":
        return f"list of {field['items']['type']}"
    low, high = field.get("minimum"), field.get("maximum")
    if low is not None:
        text += f" from {low:,}" + (f" to {high:,}" if high is not None else "")
    elif "format" in field and field["format"] == "date-time":
        text = "time"
    return text


def said_default(field: dict[str, Any]) -> str:
    """Not of an object: each of its fields says its own."""
    value = field.get("default", "")
    return "" if value == "" or field["type"] == "object" else f" Default: `{yaml_flow(value)}`."


def yaml_flow(value: Any) -> str:
    return (
        str(value)
        if isinstance(value, str)
        else yaml.safe_dump(value, default_flow_style=True).strip().removesuffix("\n...")
    )


def skips_table() -> str:
    """Why a schedule creates no task for a time."""
    texts = Documented(docstrings(record, "SkipReason"))
    return table(("reason", "what it means"), ((f"`{reason}`", texts[reason.name]) for reason in record.SkipReason))


class Documented(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise SystemExit(f"djangotasks_api.phases: {name} has no docstring below it that says what it means")
