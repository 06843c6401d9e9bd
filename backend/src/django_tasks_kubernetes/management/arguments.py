"""Arguments that several commands take."""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError
from typing import Final

from django.core.management.base import CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

# About thirty years: more is no timeout for some system calls, and beyond the calendar.
SECONDS_MAX: Final = 1e9


def seconds(text: str) -> float:
    """A length of time. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= SECONDS_MAX:
        raise ArgumentTypeError(f"must be a number of seconds from 0 to {SECONDS_MAX:,.0f}, not {text!r}")
    return value


def add_common(verb: ArgumentParser) -> None:
    """The options that Django gives each command, after a verb too. Help shows them where Django has them, before it;
    one that is not given here leaves what was given there."""
    for name in ("--settings", "--pythonpath"):
        verb.add_argument(name, default=SUPPRESS, help=SUPPRESS)
    for name in ("--traceback", "--no-color", "--force-color"):
        verb.add_argument(name, action="store_true", default=SUPPRESS, help=SUPPRESS)
    verb.add_argument("-v", "--verbosity", type=int, choices=range(4), default=SUPPRESS, help=SUPPRESS)


def add_database(parser: CommandParser, text: str, default: str | None = DEFAULT_DB_ALIAS) -> None:
    """`text`: which one it is."""
    parser.add_argument("--database", default=default, choices=tuple(connections), help=text)
