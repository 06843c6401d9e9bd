"""Links to other systems on the pages of tasks and queues."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes.admin.links import links, of_task
from tests.unit.backend.admin.conftest import LIST, LogIn, made_task
from tests.unit.backend.admin.queue_answers import QueueServer, queue_resource
from tests.unit.backend.resources import attempt
from tests.unit.backend.web_server import Server

NOW = datetime(2026, 11, 29, 13, tzinfo=UTC)
LOGS = "https://logs.example.com/?pod={pod}&from={from}&to={to}"


def test_what_is_known_of_a_task() -> None:
    made = made_task(phase="Failed", attempts=[attempt(1), attempt(2)], finishedAt="2026-11-29T12:03:00Z")
    found = of_task(made, "shop", NOW)
    assert found == {
        "namespace": "shop", "queue": "mail", "task": "shop.tasks.send", "id": made["metadata"]["name"],
        "pod": "one-2", "from": "1795953600000", "to": "1795953780000",
    }  # fmt: skip
    waits = of_task(made_task(), "shop", NOW)
    assert (waits["pod"], waits["to"]) == ("", "1795957200000")


@pytest.mark.parametrize(
    ("address", "values", "expected"),
    [
        (LOGS, {"pod": "one-1", "from": "1", "to": "2"}, "https://logs.example.com/?pod=one-1&from=1&to=2"),
        (LOGS, {"pod": "", "from": "1", "to": "2"}, None),
        ("https://g.example.com/d/{queue}", {"queue": "../x?a=b&c#d\u202e"}, "https://g.example.com/d/..%2Fx%3Fa%3Db%26c%23d%E2%80%AE"),
        ("https://g.example.com/{{x}}", {}, "https://g.example.com/{x}"),
        ("https://g.example.com/", {}, "https://g.example.com/"),
    ],
    ids=["known", "no pod yet", "hostile", "braces", "plain"],
)  # fmt: skip
def test_a_link_has_what_it_asks_for_or_is_none(address: str, values: dict[str, str], expected: str | None) -> None:
    assert links([("Logs", address)], values) == ([("Logs", expected)] if expected else [])


def test_they_are_on_the_pages_of_tasks_and_queues(api_server: Server, log_in: LogIn) -> None:
    task = made_task(phase="Running", attempts=[attempt(1)])
    queues = QueueServer(queue_resource("mail"))
    queues.tasks = [task]
    api_server.answer = queues
    wanted = {"Logs": LOGS, "Grafana <b>": "https://grafana.example.com/?var-queue={queue}&ns={namespace}"}
    options = settings.TASKS["default"]["OPTIONS"] | {"ADMIN_LINKS": wanted}
    with override_settings(TASKS={"default": settings.TASKS["default"] | {"OPTIONS": options}}):
        client = log_in("view_task", "view_queue")
        page: Any = client.get(f"{LIST}{task['metadata']['name']}/change/")
        assert 'href="https://logs.example.com/?pod=one-1&amp;from=1795953600000&amp;to=' in page.text
        assert ">Grafana &lt;b&gt;</a>" in page.text
        page = client.get("/admin/django_tasks_kubernetes/queue/")
        assert 'href="https://grafana.example.com/?var-queue=mail&amp;ns=shop"' in page.text
        assert "logs.example.com" not in page.text
