"""Which tasks wait for the commit of this transaction."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, transaction

from django_tasks_kubernetes.enqueue.on_commit import on_commit, waits_for_commit


@pytest.mark.django_db(transaction=True)
def test_a_task_waits_for_the_commit_that_creates_it() -> None:
    created: list[str] = []
    new: Any = SimpleNamespace(name="one")
    with transaction.atomic():
        transaction.on_commit(lambda: created.append("somebody else's"))
        on_commit([new], lambda: created.append("one"), using=DEFAULT_DB_ALIAS)
        assert waits_for_commit("one", DEFAULT_DB_ALIAS)
        assert not waits_for_commit("two", DEFAULT_DB_ALIAS)
        assert created == []
    assert created == ["somebody else's", "one"]
    assert not waits_for_commit("one", DEFAULT_DB_ALIAS)
