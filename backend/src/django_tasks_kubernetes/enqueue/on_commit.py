"""Callbacks on commit that can be found before the commit, to know which tasks and workflows wait for it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db import connections, transaction


@dataclass(frozen=True, slots=True)
class OnCommit:
    """Creates the tasks, or the workflow, of these names."""

    names: frozenset[str]
    call: Callable[[], object]

    def create(self) -> None:
        self.call()


def on_commit(names: Iterable[str], call: Callable[[], object], *, using: str, robust: bool = False) -> None:
    """Registers a callback that creates what has these names, as Django's transaction.on_commit()."""
    # A method: of a robust one that fails, Django 6.0 logs the __qualname__, which neither a partial nor an object has.
    transaction.on_commit(OnCommit(frozenset(names), call).create, using=using, robust=robust)


def waits_for_commit(name: str, using: str) -> bool:
    """Whether the current transaction of this thread has yet to be committed for the task or workflow to be created."""
    waiting = [getattr(entry[1], "__self__", None) for entry in connections[using].run_on_commit]
    return any(isinstance(one, OnCommit) and name in one.names for one in waiting)
