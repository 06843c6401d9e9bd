"""What holds for the lists of all tables: of history, outbox and ends."""

from urllib.parse import urlencode

import pytest
from django.test import Client

from django_tasks_kubernetes.models import OutboxTask, TaskEnd
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.web_server import Server

TABLES = ("taskhistory", "outboxtask", "taskend")


@pytest.fixture
def client(whole_server: Server, log_in: LogIn) -> Client:
    """Of somebody who may look at the lists, and not at the data of tasks."""
    return log_in(*(f"view_{table}" for table in TABLES))


def status(client: Client, table: str, **query: str) -> int:
    return client.get(f"/admin/django_tasks_kubernetes/{table}/?{urlencode(query)}").status_code


@pytest.mark.parametrize("table", ["outboxtask", "taskend"])
@pytest.mark.parametrize("how", ["contains", "startswith", "gt", "regex"])
def test_no_lookup_shows_arguments(client: Client, table: str, how: str) -> None:
    for model in (OutboxTask, TaskEnd):
        assert model.objects.exclude(resource="").exists()
    assert status(client, table) == 200
    assert status(client, table, **{f"resource__{how}": "{"}) == 400


@pytest.mark.parametrize("table", TABLES)
def test_no_regular_expression_of_a_reader_runs(client: Client, table: str) -> None:
    assert status(client, table, queue__regex="(a+)+$") == 400


@pytest.mark.parametrize("table", TABLES)
def test_filters_and_a_search_of_many_words(client: Client, table: str) -> None:
    for query in ({"queue": "mail"}, {"q": "word " * 2000}, {"o": "1"}, {"p": "2"}):
        assert status(client, table, **query) == 200, query
