"""Writes the tables of the reference from the code: `python docs/reference/generate.py [--check]`.

A page says <!-- table: NAME --> where a table begins, and <!-- end --> where it ends. All else is written by hand.
"""

import argparse
import ast
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import yaml

from django_tasks_kubernetes import checks, exceptions, kubernetes_task, options, retry, signals
from django_tasks_kubernetes.backend import KubernetesBackend
from django_tasks_kubernetes.context import KubernetesTaskContext
from django_tasks_kubernetes.management.commands import tasks
from django_tasks_kubernetes.reasons import EXCEPTIONS
from django_tasks_kubernetes.results import KubernetesResult
from djangotasks_api import phases
from djangotasks_operator import cli

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# The backend's README is its page in the package index.
PAGES = (*sorted(HERE.glob("*.md")), ROOT / "backend" / "README.md")
# Methods of the backend that Django's own do not have. All but watch have an asynchronous one beside them, with an `a`.
BEYOND_DJANGO = ("enqueue_many", "cancel", "retry", "results", "watch")
TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def options_table() -> str:
    """The backend's OPTIONS: name, default, meaning."""
    default = options.Options()
    told = docstrings(options, "Options")
    rows = ((f"`{name.upper()}`", code(getattr(default, name)), text) for name, text in told.items())
    return table(("option", "default", "what it is"), rows)


def checks_table() -> str:
    """What `manage.py check --deploy` may say of the cluster."""
    rows = ((f"`{id_}`", one_line(inspect.getdoc(error) or "")) for error, id_ in checks.CLUSTER_IDS.items())
    return table(("id", "what is wrong"), rows)


def verbs_table() -> str:
    return table(("verb", "what needs it"), ((f"`{verb}`", why) for verb, why in checks.VERBS.items()))


def task_options_table() -> str:
    """What KubernetesTask has beyond Django's own Task."""
    told = docstrings(kubernetes_task, "KubernetesTask")
    return table(("option", "what it is"), ((f"`{name}`", text) for name, text in told.items()))


def retry_text() -> str:
    """The classes that say when a task is tried again."""
    return "\n".join(
        f"`{class_.__name__}({plain(inspect.signature(class_))})`\n:   {indented(class_)}\n"
        for class_ in (retry.Retry, retry.Exponential, retry.Linear, retry.Fixed, retry.RetryLater)
    )


def methods_text() -> str:
    """What the backend can do beyond Django's own interface."""
    return "\n".join(
        f"`{name}({plain(inspect.signature(method))})`\n:   {indented(method)}\n"
        for name in BEYOND_DJANGO
        if (method := getattr(KubernetesBackend, name))
    )


def results_text() -> str:
    """What a result can do beyond Django's own."""
    methods = (KubernetesResult.wait, KubernetesResult.get)
    return "\n".join(
        f"`{method.__name__}({plain(inspect.signature(method))})`\n:   {indented(method)}\n" for method in methods
    )


def signals_table() -> str:
    rows = ((f"`{name}`", text) for name, text in constants(signals).items())
    return table(("signal", "when"), rows)


def context_text() -> str:
    """What the context can do beyond Django's own."""
    methods = (KubernetesTaskContext.progress, KubernetesTaskContext.heartbeat)
    return "\n".join(
        f"`{method.__name__}({plain(inspect.signature(method))})`\n:   {indented(method)}\n" for method in methods
    )


def exceptions_table() -> str:
    """In the order of the module: first what is raised, then what stands in results."""
    found = (e for e in vars(exceptions).values() if isinstance(e, type) and e.__module__ == exceptions.__name__)
    return table(("class", "what it says"), ((f"`{e.__name__}`", one_line(inspect.getdoc(e) or "")) for e in found))


def phases_table() -> str:
    told = Told(docstrings(phases, "Phase"))
    return table(("phase", "what it means"), ((f"`{phase}`", told[phase.name]) for phase in phases.Phase))


def reasons_table() -> str:
    """The exception is what result.errors has where Python raised none."""
    told = Told(docstrings(phases, "Reason"))
    rows = ((f"`{reason}`", told[reason.name], f"`{EXCEPTIONS[reason].__name__}`") for reason in phases.Reason)
    return table(("reason", "what it means, and what to do", "class in `result.errors`"), rows)


def command_table() -> str:
    """The options of `djangotasks-operator run`."""
    context = click.Context(cli.run, info_name="run", **cli.run.context_settings)
    rows = (record for p in cli.run.params if (record := p.get_help_record(context)) is not None)
    return table(("option", "what it is"), ((f"`{left}`", one_line(right)) for left, right in rows))


def tasks_table() -> str:
    """The verbs of `manage.py tasks`, and their options."""
    parser = tasks.Command().create_parser("manage.py", "tasks")
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    told = {action.dest: action.help for action in verbs._choices_actions}
    rows = (
        (
            f"`{verb}`",
            "`" + " ".join([", ".join(action.option_strings), str(action.metavar or "")]).strip() + "`",
            str(action.help),
        )
        for verb, of_verb in verbs.choices.items()
        for action in of_verb._actions
        if action.option_strings and action.dest != "help"
    )
    lines = "\n".join(f"`{verb}`\n:   {text[0].upper()}{text[1:]}." for verb, text in told.items() if text)
    return f"{lines}\n\n{table(('verb', 'option', 'what it is'), rows)}"


def fields_table(name: str) -> Callable[[], str]:
    """Every field of a CRD, as its schema has it."""

    def make() -> str:
        crd = yaml.safe_load((ROOT / "crds" / f"{name}.yaml").read_text())
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        rows = (
            (f"`{path}`", type_of(field), one_line(field.get("description", "")) + said_default(field))
            for part in ("spec", "status")
            if part in schema["properties"]
            for path, field in fields_of(part, schema["properties"][part])
        )
        return table(("field", "type", "what it is"), rows)

    return make


def columns_table() -> str:
    crd = yaml.safe_load((ROOT / "crds" / "djangotasks.yaml").read_text())
    columns = crd["spec"]["versions"][0]["additionalPrinterColumns"]
    rows = ((c["name"].upper(), f"`{c['jsonPath']}`", "with `-o wide`" if c.get("priority") else "") for c in columns)
    return table(("column", "field", ""), rows)


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


class Told(dict[str, str]):
    def __missing__(self, name: str) -> str:
        raise SystemExit(f"djangotasks_api.phases: {name} has no docstring below it that says what it means")


def docstrings(module: Any, name: str) -> dict[str, str]:
    """The string below each member of a class, which Python itself does not keep."""
    tree = ast.parse(inspect.getsource(getattr(module, name))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return dict(told_below(tree.body))


def constants(module: Any) -> dict[str, str]:
    """The string below each constant of a module."""
    return dict(told_below(ast.parse(inspect.getsource(module)).body))


def told_below(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for before, after in itertools.pairwise(body):
        match before, after:
            case (
                ast.Assign(targets=[ast.Name(id=member)]) | ast.AnnAssign(target=ast.Name(id=member)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield member, one_line(text)
            case _:
                continue


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', '\\|') for cell in line)} |\n" for line in lines)


def plain(signature: inspect.Signature) -> str:
    """As somebody calls it: without self and annotations."""
    names = [p.replace(annotation=p.empty) for name, p in signature.parameters.items() if name != "self"]
    text = str(signature.replace(parameters=names, return_annotation=inspect.Signature.empty))[1:-1]
    return text.replace("<factory>", "…")


def indented(thing: Any) -> str:
    """As the text of a definition list."""
    first, *rest = (inspect.getdoc(thing) or "").splitlines()
    return "\n".join((first, *(f"    {line}".rstrip() for line in rest)))


def code(value: object) -> str:
    shown = str(value) if isinstance(value, str) else value  # a member of an enum is the text that one writes
    return "" if value is None else f"`{shown!r}`"


def one_line(text: str) -> str:
    return " ".join(text.split())


TABLES: dict[str, Callable[[], str]] = {
    "options": options_table,
    "checks": checks_table,
    "verbs": verbs_table,
    "task-options": task_options_table,
    "retry": retry_text,
    "methods": methods_text,
    "results": results_text,
    "signals": signals_table,
    "context": context_text,
    "exceptions": exceptions_table,
    "phases": phases_table,
    "reasons": reasons_table,
    "operator-run": command_table,
    "tasks": tasks_table,
    "djangotask": fields_table("djangotasks"),
    "djangotaskqueue": fields_table("djangotaskqueues"),
    "columns": columns_table,
}


def fresh(text: str) -> str:
    """A blank line before the end, or Markdown takes that for a part of what comes before."""
    return TABLE.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}\n{match[3]}", text)


def main() -> int:
    check = sys.argv[1:] == ["--check"]
    used: set[str] = set()
    stale = []
    for page in PAGES:
        text = page.read_text()
        used.update(match[2] for match in TABLE.finditer(text))
        if fresh(text) != text:
            stale.append(page)
            if not check:
                page.write_text(fresh(text))
            sys.stdout.write(f"{'stale' if check else 'wrote'}: {page.relative_to(ROOT)}\n")
    if unused := TABLES.keys() - used:
        sys.stdout.write(f"no page has the tables {', '.join(sorted(unused))}\n")
    if check and stale:
        sys.stdout.write("run `make generate` and commit the result\n")
    return int(bool(unused) or (check and bool(stale)))


if __name__ == "__main__":
    sys.exit(main())
