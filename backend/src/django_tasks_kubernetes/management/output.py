"""The output of a command, as its flags say."""

from collections.abc import Mapping
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, OutputWrapper

from django_tasks_kubernetes.cli.output import Output, OutputFormat


def output_of(command: BaseCommand, options: Mapping[str, Any]) -> Output:
    return Output(
        format=_format(options),
        stdout=_unwrapped(command.stdout),
        stderr=_unwrapped(command.stderr),
        color=not options["no_color"],
    )


def _format(options: Mapping[str, Any]) -> OutputFormat:
    if options.get("json"):
        return OutputFormat.JSON
    return OutputFormat.WIDE if options.get("wide") else OutputFormat.TABLE


def _unwrapped(wrapper: OutputWrapper) -> TextIO:
    """The stream itself: Django's wrapper ends everything that is written with a newline."""
    stream: Any = wrapper
    return cast("TextIO", stream._out)
