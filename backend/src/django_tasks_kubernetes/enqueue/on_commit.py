"""Callbacks on commit that can be found before the commit, to know which tasks wait for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connections, transaction

from django_tasks_kubernetes.enqueue.new_task import NewTask


@dataclass(frozen=True, slots=True)
class OnCommit:
    """The callback that creates the tasks of these names."""

    names: frozenset[str]
    call: Callable[[], object]

    def __call__(self) -> None:
        self.call()


def on_commit(tasks: Sequence[NewTask], call: Callable[[], object], *, using: str, robust: bool = False) -> None:
    """Registers a callback that creates these tasks, as Django's transaction.on_commit()."""
    transaction.on_commit(OnCommit(frozenset(new.name for new in tasks), call), using=using, robust=robust)


def waits_for_commit(name: str, using: str) -> bool:
    """Whether the current transaction of this thread has yet to be committed for the task to be created."""
    waiting = [entry[1] for entry in connections[using].run_on_commit]
    return any(isinstance(call, OnCommit) and name in call.names for call in waiting)
