"""The verb table as subparsers of argparse, which Django's commands use."""

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.verb import Ids, Option, Verb, VerbGroup, sentence

FLAGS = {
    OutputFormat.JSON: ("--json", "an object a line, for programs"),
    OutputFormat.WIDE: ("--wide", "more columns"),
}


def add_verbs(
    parser: argparse.ArgumentParser, verbs: Iterable[Verb[Any]], exit_codes: str, groups: Iterable[VerbGroup[Any]] = ()
) -> list[argparse.ArgumentParser]:
    """Adds a subparser for each verb, and returns them. Then `verb` is what was chosen, and None without a verb, when
    `chooser` is the parser that offers some."""
    parser.epilog = exit_codes
    parser.set_defaults(verb=None, chooser=parser)
    subparsers = parser.add_subparsers(metavar="VERB")
    made = []
    for verb in verbs:
        one = subparsers.add_parser(verb.name, help=verb.text, description=sentence(verb.text), epilog=exit_codes)
        one.set_defaults(verb=verb)
        _add(one, verb)
        made.append(one)
    for group in groups:
        one = subparsers.add_parser(group.name, help=group.text, description=sentence(group.text))
        made += add_verbs(one, group.verbs, group.exit_codes)
    return made


def _add(parser: argparse.ArgumentParser, verb: Verb[Any]) -> None:
    match verb.ids:
        case Ids.ONE:
            parser.add_argument("ids", nargs=1, metavar=verb.ids_metavar, help=verb.ids_text)
        case Ids.SOME:
            parser.add_argument("ids", nargs="+", metavar=verb.ids_metavar, help=verb.ids_text)
        case Ids.ANY:
            parser.add_argument("ids", nargs="*", metavar=verb.ids_metavar, help=verb.ids_text)
        case Ids.NONE:
            parser.set_defaults(ids=[])
    if verb.operand is not None:
        parser.add_argument(verb.operand.name, metavar=verb.operand.metavar, help=verb.operand.text)
    for option in verb.options:
        _add_option(parser, option)
    for format_ in verb.formats:
        if format_ in FLAGS:
            flag, text = FLAGS[format_]
            parser.add_argument(flag, action="store_true", help=text)


def _add_option(parser: argparse.ArgumentParser, option: Option) -> None:
    flags = [f"-{option.short}"] if option.short else []
    if option.kind is bool:
        parser.add_argument(*flags, f"--{option.name}", action="store_true", help=option.text)
        return
    default = "" if option.default in (None, "") else f" (default: {option.default})"
    parser.add_argument(
        *flags,
        f"--{option.name}",
        action="append" if option.repeatable else "store",
        type=_value(option),
        default=option.default,
        metavar=option.metavar,
        help=f"{option.text}{default}",
    )


def _value(option: Option) -> Callable[[str], Any]:
    def value(text: str) -> Any:
        found: Any = option.kind(text)
        if option.least is not None and not found >= option.least:
            raise argparse.ArgumentTypeError(f"must be a number from {option.least}")
        if option.choices and text.lower() not in option.choices:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(option.choices)}")
        return found

    value.__name__ = option.kind.__name__  # argparse says "invalid int value"
    return value
