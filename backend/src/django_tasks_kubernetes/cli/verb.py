"""How a verb of a command line is declared. Both shells are made of such declarations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django_tasks_kubernetes.cli.output import OutputFormat

type Given = Mapping[str, Any]
type ValueType = type[str | int | float | bool]


class Ids(Enum):
    """How many ids a verb takes."""

    ONE = "one"
    SOME = "at least one"
    ANY = "any number"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """`--name`, with its value under `name` in what a verb is given."""

    name: str
    text: str
    """The help, without a capital and a full stop."""

    kind: ValueType = str
    """bool for a flag."""

    short: str | None = None
    metavar: str | None = None
    least: int | None = None
    """The lowest number."""

    choices: tuple[str, ...] = ()
    """In any case."""

    repeatable: bool = False
    default: Any = None

    needs_project: bool = False
    """Whether only manage.py has it, where the project's code is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """A word that follows the ids, with its value under `name` in what a verb is given."""

    name: str
    metavar: str
    text: str
    """The help, without a capital and a full stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb[Session]:
    """A subcommand. `Session`: what it works with."""

    name: str
    text: str
    """The help, without a capital and a full stop."""

    run: Callable[[Session, Given], int]
    """Carries it out, and returns the exit code. Is given the options, and `ids`."""

    ids: Ids = Ids.NONE
    ids_metavar: str = "ID"
    ids_text: str | None = None
    operand: Operand | None = None
    """Where it takes one id."""

    options: tuple[Option, ...] = ()
    formats: tuple[OutputFormat, ...] = ()
    """What it can write beside a table: `--json` and `--wide` of manage.py, and `-o` of kubectl."""

    all_namespaces: bool = False
    """Whether kubectl's `-A` applies."""

    needs_project: bool = False
    """Whether only manage.py has it, where the project's code is."""

    needs_cluster: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VerbGroup[Session]:
    """Verbs that are a subcommand together."""

    name: str
    text: str
    """The help, without a capital and a full stop."""

    verbs: tuple[Verb[Session], ...]
    exit_codes: str


def sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
