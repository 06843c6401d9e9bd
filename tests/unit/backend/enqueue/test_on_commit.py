"""Which tasks wait for the commit of this transaction."""

from functools import partial

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, transaction

from django_tasks_kubernetes.enqueue.on_commit import on_commit, waits_for_commit


@pytest.mark.django_db(transaction=True)
def test_a_task_waits_for_the_commit_that_creates_it() -> None:
    created: list[str] = []
    with transaction.atomic():
        transaction.on_commit(lambda: created.append("somebody else's"))
        on_commit(["one"], lambda: created.append("one"), using=DEFAULT_DB_ALIAS)
        assert waits_for_commit("one", DEFAULT_DB_ALIAS)
        assert not waits_for_commit("two", DEFAULT_DB_ALIAS)
        assert created == []
    assert created == ["somebody else's", "one"]
    assert not waits_for_commit("one", DEFAULT_DB_ALIAS)


@pytest.mark.django_db(transaction=True)
def test_a_callback_that_fails_can_be_named_in_the_log() -> None:
    """Django 6.0 asks for this, and would raise AttributeError in place of a log record."""
    with transaction.atomic():
        on_commit(["one"], partial(str, "one"), using=DEFAULT_DB_ALIAS, robust=True)
        assert connection.run_on_commit[0][1].__qualname__ == "OnCommit.create"
