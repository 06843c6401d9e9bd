"""The tables of the command lines."""

from collections.abc import Sequence
from typing import Any

import click

from django_tasks_kubernetes.cli.hold_table import HOLD_VERBS
from django_tasks_kubernetes.cli.schedule_table import SCHEDULE_VERBS
from django_tasks_kubernetes.cli.start_cost import PROJECT_VERBS
from django_tasks_kubernetes.cli.table import VERBS
from django_tasks_kubernetes.cli.verb import Option, Verb, sentence
from django_tasks_kubernetes.cli.workflow_table import WORKFLOW_VERBS
from djangotasks_operator import cli
from docs.reference.markdown import one_line, table


def command_table() -> str:
    """The options of `djangotasks-operator run`."""
    context = click.Context(cli.run, info_name="run", **cli.run.context_settings)
    rows = (record for p in cli.run.params if (record := p.get_help_record(context)) is not None)
    return table(("option", "what it is"), ((f"`{left}`", one_line(right)) for left, right in rows))


def tasks_table() -> str:
    """The verbs of both command lines, and their options."""
    return verbs_text((*VERBS, *HOLD_VERBS, *PROJECT_VERBS))


def schedules_table() -> str:
    return verbs_text(SCHEDULE_VERBS)


def workflows_table() -> str:
    return verbs_text(WORKFLOW_VERBS)


def verbs_text(verbs: Sequence[Verb[Any]]) -> str:
    lines = "\n".join(
        f"`{verb.name}`{' (manage.py)' * verb.needs_project}\n:   {sentence(verb.text)}" for verb in verbs
    )
    rows = ((f"`{verb.name}`", f"`{flags(option)}`", meaning(option)) for verb in verbs for option in verb.options)
    return f"{lines}\n\n{table(('verb', 'option', 'what it is'), rows)}"


def only(verb: Verb[Any]) -> str:
    return " `manage.py` only." if verb.needs_project else ""


def flags(option: Option) -> str:
    names = [*([f"-{option.short}"] if option.short else []), f"--{option.name}"]
    return " ".join([", ".join(names), option.metavar or ""]).strip()


def meaning(option: Option) -> str:
    return option.text if option.default in (None, "", False) else f"{option.text} (default: {option.default})"
