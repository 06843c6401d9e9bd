"""Receivers that leave work to the commit, as code of web requests does: it runs after them, outside of what they are
called in. See https://github.com/SweetProcess/django-pg-queue/pull/16."""

from asyncio import CancelledError
from typing import Any

import pytest
from django.db import transaction

from django_tasks_kubernetes import signals
from django_tasks_kubernetes.models import TaskEnd
from django_tasks_kubernetes.notify import inbox
from tests.unit.backend.notify.receivers import OOM, Backend, Receivers, dispatch_all, named
from tests.unit.backend.notify.test_ends import failure

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    "error",
    [ValueError("mail server is away"), SystemExit(3), CancelledError()],
    ids=["exception", "exit", "cancelled"],
)
def test_what_fails_at_the_commit_ends_neither_the_process_nor_the_dispatch(
    backend: Backend, receivers: Receivers, caplog: pytest.LogCaptureFixture, error: BaseException
) -> None:
    def send() -> None:
        raise error

    def mail(task_result: Any, **kwargs: Any) -> None:
        receivers.calls.append(("mail", task_result.id))
        if task_result.id == "oom":
            transaction.on_commit(send)

    def book(task_result: Any, **kwargs: Any) -> None:
        transaction.on_commit(lambda: receivers.calls.append(("book", task_result.id)))

    signals.task_ended.connect(mail)
    signals.task_ended.connect(book)
    inbox.record(backend, [OOM, named("other", failure("Expired"))], "default")
    dispatch_all(backend)
    assert sorted(receivers.calls) == [("book", "oom"), ("book", "other"), ("mail", "oom"), ("mail", "other")]
    assert not TaskEnd.objects.filter(dispatched_at=None).exists(), "the receiver itself did not fail"
    assert "oom: what a receiver left to the commit failed" in caplog.text
