"""What `cancel` and `retry` are about: those that are named, or those that match, once that is confirmed."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.cli.streams import is_interactive
from django_tasks_kubernetes.presentation.filters import Filter, UsageError, WorkflowFilter


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice[F: (Filter, WorkflowFilter)]:
    """Ids, or a filter. Raises UsageError where there are both or neither."""

    ids: tuple[str, ...] = ()
    which: F
    dry_run: bool = False
    """Only say which they are."""

    yes: bool = False
    """Ask nothing."""

    def __post_init__(self) -> None:
        if bool(self.ids) is self.which.is_given:
            noun = self.which.NOUN
            raise UsageError(f"Name {noun}s by their ids, or by --queue, --{noun} and --status.")


def chosen(output: Output, choice: Choice[Any], verb: str, matching: Iterable[str]) -> Iterable[str]:
    """Returns the ids; none where the answer is no. `matching`: the ids of those that match, and to which the verb can
    be done."""
    found = list(choice.ids) or list(matching)
    what = f"{verb} {len(found):,} {choice.which.NOUN}{'' if len(found) == 1 else 's'}"
    if choice.dry_run:
        for id_ in found:
            output.line(id_)
        output.note(f"{what}: nothing was done (--dry-run).")
        return ()
    if choice.ids or choice.yes or not found:
        if not found:
            output.note(f"No {choice.which.NOUN} matches.")
        return found
    return found if confirmed(output, f"{what}? [y/N] ") else ()


def without_retried(
    output: Output, choice: Choice[Any], matching: Iterable[str], retried: Callable[[], Iterable[str]]
) -> Iterator[str]:
    """Of those that match, the ones that nobody has retried: the same command given twice runs nothing twice. What was
    retried and failed again matches by its retry. `retried`: the ids of those that were."""
    found = list(matching)
    done = set(retried()) if found else set()
    yield from (id_ for id_ in found if id_ not in done)
    if number := sum(id_ in done for id_ in found):
        what = f"{number:,} {choice.which.NOUN}{'' if number == 1 else 's'}"
        output.note(f"Left out, as retried already: {what}. Given by its id, one is retried again.")


def confirmed(output: Output, question: str) -> bool:
    """Asks in the terminal. Raises UsageError where there is none."""
    if not is_interactive(sys.stdin):
        raise UsageError("Nobody can confirm this here: give --yes, after a look with --dry-run.")
    output.ask(question)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
