"""The pages in German."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.functional import Promise

from django_tasks_kubernetes.admin.nav import TABS
from django_tasks_kubernetes.models import Task
from djangotasks_api.phases import Phase
from tests.unit.backend.admin.addresses import ADDRESSES, APP
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.whole_cluster import WholeCluster
from tests.unit.backend.web_server import Server
from tools.messages import extracted


class Texts(HTMLParser):
    """What is read of a page: its texts, and the names of its parts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.found.add(" ".join(data.split()))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {value for name, value in attrs if value and name in ("aria-label", "title", "value")}


@pytest.fixture
def german(settings: Any, admin_client: Client) -> Iterator[Client]:
    """The reader's language is that of the browser, as Django's documentation has it."""
    place = settings.MIDDLEWARE.index("django.middleware.common.CommonMiddleware")
    locale = "django.middleware.locale.LocaleMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], locale, *settings.MIDDLEWARE[place:]]
    admin_client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de-DE, de;q=0.9"
    # What the middleware chooses stays with the thread, until the next request.
    with translation.override("en"):
        yield admin_client


@pytest.mark.thorough
@pytest.mark.parametrize("cluster", ["one of each", "nothing", "away"])
def test_no_page_has_a_sentence_in_english(whole_server: Server, german: Client, cluster: str) -> None:
    whole = WholeCluster()
    if cluster == "nothing":
        whole.resources = {plural: [] for plural in whole.resources}
    whole_server.answer = (lambda request: None) if cluster == "away" else whole
    with translation.override("de"):
        different = {
            message.id
            for message in extracted()
            if isinstance(message.id, str) and message.id and translation.gettext(message.id) != message.id
        }
    # The words of kubectl are the same everywhere.
    different -= set(Phase)
    for one in ADDRESSES:
        response = german.get(one.path)
        if response.headers["Content-Type"].startswith("text/html"):
            assert (one.name, sorted(Texts(response.text).found & different)) == (one.name, [])


def test_the_reader_chooses(whole_server: Server, log_in: LogIn, german: Client) -> None:
    whole_server.answer = WholeCluster()
    address = f"/admin/{APP}/task/"
    text, english = german.get(address).text, log_in("view_task", "retry_task").get(address).text
    for words in ("Aufgaben auf Kubernetes", "Warteschlangen", "Erneut einreihen", "Eingereiht", "Fehlschläge"):
        assert words in text
        assert words not in english
    # The words of kubectl are the same everywhere.
    assert "Succeeded" in text


def test_names_that_are_made_once_are_translated_later() -> None:
    with translation.override("de"):
        assert str(Task._meta.verbose_name_plural) == "Aufgaben"
        assert [str(label) for _, label, *_ in TABS][:2] == ["Überblick", "Aufgaben"]
    assert all(isinstance(label, Promise) for _, label, *_ in TABS)
