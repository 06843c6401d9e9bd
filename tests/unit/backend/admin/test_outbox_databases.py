"""The page of tasks that are to be sent, where two databases have outboxes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from django_tasks_kubernetes.models import OutboxTask
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.test_outbox import ALL, LIST, row
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server

OTHER = "?database=other"


@pytest.fixture
def other(db: None, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OutboxTask]:
    """The row of an outbox in the second database."""
    database = connections.settings["default"] | {"NAME": str(tmp_path / "other.sqlite3")}
    monkeypatch.setitem(connections.settings, "other", database)
    options = {"NAMESPACE": "shop", "KUBECONFIG": kubeconfig(tmp_path, server.url), "ENQUEUE": "outbox"}
    server.answer = lambda request: (201, request.body, {})
    backend: dict[str, Any] = settings.TASKS["default"]
    tasks = {name: backend | {"OPTIONS": options | {"DATABASE": name}} for name in ("default", "other")}
    with override_settings(TASKS=tasks):
        # Django's tests let nobody connect to a database that they have not made, except in this way.
        connections["other"].connect()
        with connections["other"].schema_editor() as editor:
            editor.create_model(OutboxTask)
        yield row(using="other", task="shop.tasks.elsewhere", backend="other")
    connections["other"].close()
    del connections["other"]


def test_it_shows_one_and_a_filter_leads_to_the_other(other: OutboxTask, log_in: LogIn) -> None:
    row(task="shop.tasks.here")
    first, second = (log_in(*ALL).get(LIST + query).text for query in ("", OTHER))
    assert ("shop.tasks.here" in first, "shop.tasks.elsewhere" in first) == (True, False)
    assert ("shop.tasks.here" in second, "shop.tasks.elsewhere" in second) == (False, True)
    assert f'href="{OTHER}"' in first
    assert "No row matches" not in log_in(*ALL).get(f"{LIST}?database=none").text


@pytest.mark.parametrize("name", ["send", "discard"])
def test_what_is_done_is_done_there(other: OutboxTask, log_in: LogIn, name: str) -> None:
    client = log_in(*ALL)
    asked = client.post(LIST + OTHER, {"action": f"{name}_selected", "_selected_action": [other.pk]})
    form = {"act": name, "pks": asked.context["pks"], "back": asked.context["back"]}
    done = client.post(asked.context["act_url"], form, follow=True)
    assert "1 row." in done.text
    assert done.redirect_chain == [(LIST + OTHER, 302)]
    assert not OutboxTask.objects.using("other").exists()


def test_its_page_leads_back_to_its_list(other: OutboxTask, log_in: LogIn) -> None:
    client = log_in(*ALL)
    (link,) = (word for word in client.get(LIST + OTHER).text.split('"') if f"{other.pk}/change/" in word)
    page = client.get(link)
    assert page.status_code == 200
    assert f'action="{LIST}{OTHER}"' in page.text
