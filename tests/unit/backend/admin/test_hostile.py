"""Texts that somebody chose to do harm, everywhere at once: in the cluster, in addresses, and in forms.

Most of it is all pages for each text, so it is thorough. What each page escapes, its own tests see.
"""

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.contrib.admin.models import LogEntry
from django.db import DataError, connection
from django.test import Client

from tests.unit.backend.admin.addresses import ADDRESSES, APP
from tests.unit.backend.admin.test_permissions import form
from tests.unit.backend.admin.whole_cluster import NAMES, TASKS, WORKFLOWS, WholeCluster, failed_task, one_of_each
from tests.unit.backend.admin.whole_project import fill_tables
from tests.unit.backend.web_server import Server

HOSTILE = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '" onmouseover="alert(1)" autofocus x=\'y',
    "entities": "&lt;script&gt;&#60;script&#62;",
    "end of a tag": "--></title></textarea></svg><svg/onload=alert(1)>",
    "right to left": "invoice\u202etxt.exe\u2066\u200f",
    "control characters": "a\x00b\x1b[31mc\x07\r\nd\x7f\x85\u2028e",
    "template": "{{ 111111|add:222222 }}{% debug %}{% include 'admin/base.html' %}",
    "format": "%s %(name)s %(number)d %% {0.__class__} {name!r} {} {",
    "address": "javascript:alert(1)//",
    "other site": "//evil.example/x?a=b#c",
    "spreadsheet": '=HYPERLINK("http://evil.example","x")',
    "long": "x" * 30_000,
}
# The same at once, for the many addresses and fields.
JOINED = {
    "printable": " ".join(text for text in HOSTILE.values() if text.isprintable() and len(text) < 1000),
    "unprintable": "".join(text for text in HOSTILE.values() if not text.isprintable()),
    "long": HOSTILE["long"],
}
# What a page must be able to tell apart.
STRUCTURE = {"apiVersion", "kind", "namespace", "uid", "resourceVersion", "type", "status", "timeZone", "cron"}
# No printable character, but for line breaks and tabs; what turns the direction of what follows.
NEVER = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
LARGEST_PAGE = 3_000_000
known_tags: dict[tuple[str, ...], set[tuple[str, str]]] = {}


class Markup(HTMLParser):
    """The tags of a page with their attributes, and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[tuple[str, str]] = set()
        self.addresses: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs or [("", "")]:
            self.tags.add((tag, name))
            if name in ("href", "src", "action", "formaction"):
                self.addresses.add(value or "")


def filled(text: str, *, names: bool = False, phases: bool = False) -> WholeCluster:
    """One of each with the text in place of every text. `names`: also as their names. `phases`: in place of phases and
    times, too, so that there is less to show."""

    def replaced(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            is_payload = "payload" in value
            made = {(text if key == "steps" else name): replaced(one, name) for name, one in value.items()}
            return made | ({"payload": payload(text)} if is_payload else {})
        if isinstance(value, list):
            return [replaced(one, "" if isinstance(one, dict) else key) for one in value]
        keeps = key in STRUCTURE or (key == "name" and not names) or (not phases and (key == "phase" or "At" in key))
        return value if keeps or not isinstance(value, str) else text

    found = []
    for plural, resource in one_of_each():
        made = replaced(deepcopy(resource)) | {"metadata": deepcopy(resource["metadata"])}
        if plural == WORKFLOWS:
            # A name of the graph is one of the status.
            for step in made["spec"]["steps"]:
                step["name"] = text
        if names:
            # With a slash in it, nothing would be asked for.
            made["metadata"] |= {"name": text.replace("/", "_")}
        found.append((plural, made))
    return WholeCluster(*found)


def payload(text: str) -> str:
    return json.dumps({"args": [text, {text: text}], "kwargs": {text: text}})


def pages(client: Client, expected: tuple[int, ...] = (200,)) -> dict[str, str]:
    """What a GET of each address shows, by its name."""
    found = {}
    for one in ADDRESSES:
        response = client.get(one.path)
        assert response.status_code in (*expected, 302, 403), f"{one.name}: {response.status_code}"
        if response.headers["Content-Type"].startswith("text/html"):
            found[one.name] = response.text
    return found


def check(name: str, text: str, tags: set[tuple[str, str]]) -> None:
    """`tags`: what the page has without hostile texts."""
    # What somebody entered is in its field again, as it was entered.
    shown = re.sub("<input[^>]*>|<textarea[^>]*>[^<]*", "", text)
    assert not (harm := NEVER.search(shown)), f"{name}: {shown[max(harm.start() - 60, 0) : harm.end()]!r}"
    assert "333333" not in text, f"{name}: a template was executed"
    markup = Markup(text)
    assert markup.tags <= tags, f"{name}: {markup.tags - tags}"
    for address in markup.addresses:
        assert re.match(r"(/(?!/)|\?|#|https://|$)", address), f"{name}: leads to {address[:80]}"
    assert len(text) < LARGEST_PAGE, name


def harmless_tags(whole_server: Server, client: Client, filled_by: Mapping[str, bool]) -> set[tuple[str, str]]:
    """All that the pages are made of where texts are short and plain, as they are and without what they are about."""
    key = tuple(filled_by)
    if key in known_tags:
        return known_tags[key]
    tags = known_tags[key] = set()
    for cluster, rows in ((WholeCluster(), None), (filled("x" * 20, **filled_by), "x" * 20)):
        forget_all(whole_server, cluster, rows)
        for text in pages(client, (200, 404)).values():
            tags |= Markup(text).tags
    return tags


def forget_all(whole_server: Server, cluster: WholeCluster, rows: str | None = None) -> None:
    """Makes all of it again. `rows`: a text for those of the tables."""
    fill_tables(rows)
    from django_tasks_kubernetes.admin.reading import forget

    whole_server.answer = cluster
    forget()


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("text", "filled_by"),
    [
        pytest.param(text, by, id=f"{how}-{name}")
        for how, by in {"texts": {}, "phases and times": {"phases": True}, "names": {"names": True}}.items()
        for name, text in HOSTILE.items()
    ],
)
def test_pages_of_a_hostile_cluster(
    whole_server: Server, admin_client: Client, text: str, filled_by: dict[str, bool]
) -> None:
    tags = harmless_tags(whole_server, admin_client, filled_by)
    forget_all(whole_server, filled(text, **filled_by), text)
    found = pages(admin_client, (200, 404))
    for name, shown in found.items():
        check(name, shown, tags)
    if text == HOSTILE["markup"]:
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in found["task_changelist"]


PARAMETERS = (
    "q", "phase", "queue", "task", "reason", "exception", "within", "workflow", "schedule", "retry_of", "enqueued_by",
    "backend", "older", "o", "p", "part", "retried", "fresh", "all", "e", "_popup", "unknown", "attempt", "since",
)  # fmt: skip


@pytest.mark.thorough
@pytest.mark.parametrize("text", JOINED.values(), ids=JOINED)
def test_hostile_parameters(whole_server: Server, admin_client: Client, text: str) -> None:
    text = text[:3000]
    tags = harmless_tags(whole_server, admin_client, {})
    forget_all(whole_server, WholeCluster())
    for one in ADDRESSES:
        for parameter in PARAMETERS:
            query = urlencode({parameter: text})
            response = admin_client.get(f"{one.path}?{query}")
            assert response.status_code in (200, 302, 400, 403, 404), f"{one.name} {query}: {response.status_code}"
            if response.status_code == 200 and response.headers["Content-Type"].startswith("text/html"):
                check(f"{one.name} {query}", response.text, tags | {("a", "data-popup-opener")})


@pytest.mark.thorough
@pytest.mark.parametrize("text", JOINED.values(), ids=JOINED)
def test_hostile_names_in_addresses(whole_server: Server, admin_client: Client, text: str) -> None:
    cluster = WholeCluster()
    tags = harmless_tags(whole_server, admin_client, {})
    forget_all(whole_server, cluster)
    name = quote(text[:300], safe="")
    for one in ADDRESSES:
        if not one.is_of_object:
            continue
        path = re.sub(rf"/{APP}/(\w+)/[^/]+/", rf"/{APP}/\1/{name}/", one.path)
        assert path != one.path
        for response in (admin_client.get(path), admin_client.post(path, form(one))):
            assert response.status_code in (200, 302, 400, 403, 404, 405), f"{one.name}: {response.status_code}"
            if response.status_code == 200:
                check(one.name, response.text, tags)
    assert cluster.changes == []


def as_postgresql(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """It takes no NUL in a text: the driver raises this before the server is asked."""
    if any("\x00" in one for one in params or () if isinstance(one, str)):
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return execute(sql, params, many, context)


@pytest.mark.thorough
def test_no_database_is_asked_for_a_nul(whole_server: Server, admin_client: Client) -> None:
    forget_all(whole_server, WholeCluster())
    with connection.execute_wrapper(as_postgresql):
        for one in ADDRESSES:
            if one.is_of_object:
                path = re.sub(rf"/{APP}/(\w+)/([^/]+)/", rf"/{APP}/\1/\2%00/", one.path)
                for response in (admin_client.get(path), admin_client.post(path, form(one))):
                    assert response.status_code in (302, 400, 403, 404, 405), f"{one.name}: {response.status_code}"
            for parameter in PARAMETERS:
                response = admin_client.get(f"{one.path}?{parameter}=a%00b")
                assert response.status_code in (200, 302, 400, 403, 404, 405), f"{one.name} {parameter}"
            for field in form(one):
                response = admin_client.post(one.path, form(one) | {field: "a\x00b"})
                assert response.status_code in (200, 302, 400, 403, 404, 405), f"{one.name} {field}"


@pytest.mark.parametrize("path", ["task/one%00/history/", "taskend/1%00/change/", "outboxtask/?queue=%00"])
def test_a_nul_in_an_address_is_no_error_of_the_server(whole_server: Server, admin_client: Client, path: str) -> None:
    with connection.execute_wrapper(as_postgresql):
        assert admin_client.get(f"/admin/{APP}/{path}").status_code in (302, 400, 404)


@pytest.mark.thorough
@pytest.mark.parametrize("text", JOINED.values(), ids=JOINED)
def test_hostile_forms(whole_server: Server, admin_client: Client, text: str) -> None:
    """What is kept of them can be kept by any database, and is shown escaped."""
    harmless = [shown for plain in ("x" * 20, "x" * 2000) for _, shown in posted(whole_server, admin_client, plain)]
    tags = {tag for shown in harmless for tag in Markup(shown).tags}
    for name, shown in posted(whole_server, admin_client, text):
        check(name, shown, tags)
    for entry in LogEntry.objects.all():
        assert "\x00" not in f"{entry.object_id}{entry.object_repr}{entry.change_message}"


def posted(whole_server: Server, client: Client, text: str) -> Iterator[tuple[str, str]]:
    """The pages after each form with the text in one of its fields, and those of all histories."""
    for one in ADDRESSES:
        for field in form(one):
            forget_all(whole_server, WholeCluster())
            response = client.post(one.path, form(one) | {field: text})
            assert response.status_code in (200, 302, 400, 403, 404, 405), f"{one.name} {field}"
            if response.status_code == 302:
                response = client.get(response.headers["Location"], follow=True)
            if response.status_code == 200 and response.headers["Content-Type"].startswith("text/html"):
                yield f"{one.name} {field}", response.text
    forget_all(whole_server, WholeCluster())
    yield from pages(client).items()


def test_a_hostile_task_can_be_downloaded(whole_server: Server, admin_client: Client) -> None:
    for text in HOSTILE.values():
        forget_all(whole_server, filled(text))
        for of in ("arguments", "result"):
            response = admin_client.get(f"/admin/{APP}/task/{NAMES[TASKS]}/{of}/")
            assert response.status_code == 200
            assert response.headers["Content-Type"] == "application/json"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Content-Disposition"].startswith("attachment;")


def test_half_a_character(whole_server: Server, admin_client: Client) -> None:
    """No text of the cluster has one, but JSON may."""
    half = failed_task("one")
    half["spec"]["payload"], half["status"]["result"] = '{"args":["\\ud800"],"kwargs":{"\\ud800":1}}', '"\\ud800"'
    forget_all(whole_server, WholeCluster((TASKS, half)))
    assert "\\ud800" in admin_client.get(f"/admin/{APP}/task/one/change/").text
    for of in ("arguments", "result"):
        assert "\\ud800" in admin_client.get(f"/admin/{APP}/task/one/{of}/").text
