"""What is done in the cluster is done, also where the admin's log cannot be written."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.db import OperationalError, connection
from django.test import Client

from tests.unit.backend.admin.whole_cluster import WholeCluster
from tests.unit.backend.web_server import Server

PAGES = "/admin/django_tasks_kubernetes"
NONCE = f"1-{'0' * 32}"
ACT = {"nonce": NONCE, "reason": "wrong month"}
FORMS: dict[str, dict[str, str]] = {
    "task/act/": ACT | {"act": "delete", "pks": "one"},
    "queue/mail/hold/": {"concurrency": "0", "reason": "prices", "version": "uid-mail/1"},
    "schedule/nightly/suspend/": {},
    "schedule/act/": ACT | {"act": "suspend", "pks": "nightly"},
    "workflow/flow/retry/": {"new_id": "0000229a-1c6f-8000-8000-000000000000"},
    "taskend/act/": {"act": "discard", "pks": "1"},
}


def no_writes(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """As a database answers that is a replica, or whose disk is full."""
    if sql.startswith("INSERT") and "django_admin_log" in sql:
        raise OperationalError("cannot execute INSERT in a read-only transaction")
    return execute(sql, params, many, context)


@pytest.fixture
def read_only(db: None) -> Iterator[None]:
    with connection.execute_wrapper(no_writes):
        yield


@pytest.mark.parametrize("path", FORMS)
def test_what_is_done_is_done_where_the_log_takes_no_entry(
    whole_server: Server, admin_client: Client, path: str, read_only: None, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = whole_server.answer = WholeCluster()
    response = admin_client.post(f"{PAGES}/{path}", FORMS[path])
    assert response.status_code == 302
    assert cluster.changes or path.startswith("taskend")
    said = [str(message) for message in get_messages(response.wsgi_request)]
    assert sum("could not be written" in words for words in said) == 1
    assert len(said) == 2
    (record,) = [one for one in caplog.records if one.name.endswith(".admin.audit") and one.exc_info]
    assert record.getMessage().startswith("The admin's log could not be written. admin: ")
    # The transaction of the request goes on.
    assert not LogEntry.objects.exists()
