"""The verb table as commands of click, with the flags of kubectl."""

import os
from collections.abc import Callable, Iterator
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from django_tasks_kubernetes.cli.output import Output, OutputFormat
from django_tasks_kubernetes.cli.verb import Ids, Option, Verb, sentence
from django_tasks_kubernetes.conf import Options, is_dns_label
from django_tasks_kubernetes.presentation.filters import UsageError

type Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def command_of(
    verb: Verb[Any],
    execute: Callable[[Verb[Any], dict[str, Any]], int],
    complete_ids: Complete,
    exit_codes: str,
    complete_operand: Complete | None = None,
) -> click.Command:
    def callback(**given: Any) -> int:
        ids = given.get("ids", ())
        return execute(verb, given | {"ids": [ids] if verb.ids is Ids.ONE else list(ids)})

    return click.Command(
        verb.name,
        params=list(parameters_of(verb, complete_ids, complete_operand)),
        callback=callback,
        help=sentence(verb.text),
        epilog=exit_codes,
        context_settings=SETTINGS,
    )


def parameters_of(
    verb: Verb[Any], complete_ids: Complete, complete_operand: Complete | None = None
) -> Iterator[click.Parameter]:
    if verb.ids is not Ids.NONE:
        yield click.Argument(
            ["ids"],
            nargs=1 if verb.ids is Ids.ONE else -1,
            required=verb.ids is not Ids.ANY,
            metavar=verb.ids_metavar if verb.ids is Ids.ONE else f"{verb.ids_metavar}...",
            shell_complete=complete_ids,
        )
    if verb.operand is not None:
        yield click.Argument([verb.operand.name], metavar=verb.operand.metavar, shell_complete=complete_operand)
    yield from (option_of(option) for option in verb.options if not option.needs_project)
    if verb.formats:
        choice = click.Choice([str(one) for one in verb.formats])
        yield click.Option(["-o", "--output", "format"], type=choice, help="The format: json is an object a line.")
    if verb.all_namespaces:
        yield click.Option(["-A", "--all-namespaces"], is_flag=True, help="In all namespaces.")
    yield from place_options()


def place_options() -> list[click.Parameter]:
    """kubectl's own flags for cluster and namespace, which it takes before the verb and after it."""
    return [
        click.Option(["-n", "--namespace"], metavar="NAME", help="The namespace. [default: the context's]"),
        click.Option(["--context", "context_name"], metavar="NAME", help="The context of the kubeconfig to use."),
        click.Option(["--kubeconfig"], type=click.Path(), help="Path to the kubeconfig file."),
    ]


def option_of(option: Option) -> click.Option:
    names = [f"--{option.name}", *([f"-{option.short}"] if option.short else [])]
    if option.kind is bool:
        return click.Option(names, is_flag=True, help=sentence(option.text))
    return click.Option(
        names,
        type=type_of(option),
        multiple=option.repeatable,
        default=option.default,
        show_default=option.default not in (None, ""),
        metavar=option.metavar,
        help=sentence(option.text),
    )


def type_of(option: Option) -> Any:
    if option.choices:
        return click.Choice(option.choices, case_sensitive=False)
    if option.least is None:
        return option.kind
    return click.FloatRange(option.least) if option.kind is float else click.IntRange(option.least)


def output_of(given: dict[str, Any]) -> Output:
    return Output(
        format=OutputFormat(given.get("format") or OutputFormat.TABLE), namespaces=bool(given.get("all_namespaces"))
    )


def options_of(context: click.Context) -> Options:
    """The place that the flags name; what is said after the verb counts before what is said before it. Raises
    UsageError."""

    def given(name: str) -> Any:
        here: click.Context | None = context
        while here is not None:
            if value := here.params.get(name):
                return value
            here = here.parent
        return None

    namespace = given("namespace")
    if namespace is not None and not is_dns_label(namespace):
        raise UsageError(f"{namespace!r} cannot be a namespace's name.")
    # Where there is a kubeconfig, kubectl takes it even in a pod.
    path = given("kubeconfig") or os.environ.get("KUBECONFIG")
    return Options(namespace=namespace, context=given("context_name"), kubeconfig=path)
