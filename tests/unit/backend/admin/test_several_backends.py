"""A project whose tasks are in several places: each page is of one of them, and all that it leads to as well."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client, override_settings

from tests.unit.backend.admin.conftest import LIST
from tests.unit.backend.admin.whole_cluster import WholeCluster
from tests.unit.backend.kube.test_client import kubeconfig
from tests.unit.backend.web_server import Server

APP = "/admin/django_tasks_kubernetes/"
OF_THE_CLUSTER = ("task/overview/", "task/", "task/failures/", "queue/", "schedule/", "workflow/")
OF_ONE = {
    "task/far.one/change/": "task/",
    "task/far.one/log/": "task/",
    "queue/far.mail/hold/": "queue/",
    "queue/far.mail/release/": "queue/",
    "schedule/far.nightly/change/": "schedule/",
    "workflow/far.flow/change/": "workflow/",
}


@pytest.fixture
def far(whole_server: Server, tmp_path: Path) -> Iterator[None]:
    """A second cluster."""
    whole_server.answer = WholeCluster()
    folder = tmp_path / "far"
    folder.mkdir()
    near = settings.TASKS["default"]
    options = near["OPTIONS"] | {"KUBECONFIG": kubeconfig(folder, whole_server.url)}
    with override_settings(TASKS={"default": near, "far": near | {"OPTIONS": options}}):
        yield


def links(html: str) -> list[str]:
    return [unescape(address) for address in re.findall(r'href="([^"]*)"', html)]


@pytest.mark.thorough
@pytest.mark.parametrize("path", OF_THE_CLUSTER)
def test_a_page_leads_to_the_same_of_the_others(admin_client: Client, far: None, path: str) -> None:
    """As users of Argo missed: to type an address was the only way (argo-workflows#5732)."""
    html = admin_client.get(APP + path).text
    assert '<strong aria-current="true">shop @ default</strong>' in html
    assert f"{APP}{path}?backend=far" in links(html)
    there = admin_client.get(f"{APP}{path}?backend=far").text
    assert '<strong aria-current="true">shop @ far</strong>' in there
    assert f"{APP}{path}?backend=default" in links(there)


@pytest.mark.thorough
@pytest.mark.parametrize("path", [*(f"{path}?backend=far" for path in OF_THE_CLUSTER), *OF_ONE])
def test_tabs_stay_there(admin_client: Client, far: None, path: str) -> None:
    """As in argo-workflows#2439 and #14839 they did not."""
    response = admin_client.get(APP + path)
    tabs = response.text.partition('<ul class="djt-tabs">')[2].partition("</ul>")[0]
    assert links(tabs)[:6] == [f"{APP}{one}?backend=far" for one in OF_THE_CLUSTER]
    assert tabs.count("aria-current") == 1
    # Tables have the rows of all places.
    assert all("backend" not in address for address in links(tabs)[6:])


@pytest.mark.thorough
@pytest.mark.parametrize(("path", "back"), OF_ONE.items())
def test_the_way_back_is_the_one_of_there(admin_client: Client, far: None, path: str, back: str) -> None:
    trail = admin_client.get(APP + path).text.partition('class="breadcrumbs"')[2].partition("</ol>")[0]
    assert f"{APP}{back}?backend=far" in links(trail)


@pytest.mark.thorough
def test_filters_are_cleared_and_not_the_place(admin_client: Client, far: None) -> None:
    for path in ("task/?backend=far&q=nothing", "schedule/?backend=far&q=nothing", "workflow/?backend=far&q=nothing"):
        html = admin_client.get(APP + path).text
        cleared = html.partition('class="djt-empty"')[2].partition("</p>")[0]
        assert links(cleared) == [f"{APP}{path.partition('&')[0]}"]


@pytest.mark.thorough
@pytest.mark.parametrize("alias", ["far away", "far/away", "far+%20", "fär.away"])
def test_an_alias_is_any_text(admin_client: Client, whole_server: Server, far: None, alias: str) -> None:
    whole_server.answer = whole = WholeCluster()
    tasks = {"default": settings.TASKS["default"], alias: settings.TASKS["far"]}
    with override_settings(TASKS=tasks):
        for address in links(admin_client.get(f"{LIST}overview/").text):
            if "backend=" in address and address.startswith(APP):
                assert admin_client.get(address).status_code == 200
        for kind, action, names in (("task", "action", "two three"), ("schedule", "act", "nightly")):
            pks = [f"{alias}.{name}" for name in names.split()]
            address, chosen = (f"{APP}{kind}/", "_selected_action") if kind == "task" else (f"{APP}{kind}/act/", "pk")
            verb = "cancel_selected" if kind == "task" else "suspend"
            asked = admin_client.post(
                f"{address}?{urlencode({'backend': alias})}", {action: verb, chosen: pks, "backend": alias}
            )
            form = {name: asked.context[name] for name in ("pks", "nonce")} | {"act": verb.partition("_")[0]}
            admin_client.post(f"{APP}{kind}/act/", form | {"backend": alias})
    assert {path for _method, path in whole.changes} == {
        "djangotasks/two",
        "djangotasks/three",
        "djangotaskschedules/nightly",
    }


@pytest.mark.thorough
def test_a_table_is_of_no_place(admin_client: Client, far: None) -> None:
    for path in ("taskhistory/", "outboxtask/", "taskend/"):
        assert " @ " not in admin_client.get(APP + path).text.partition('class="djt-status"')[2].partition("</p>")[0]


def test_one_place_has_no_choice(admin_client: Client, whole_server: Server) -> None:
    whole_server.answer = WholeCluster()
    html = admin_client.get(f"{LIST}overview/").text
    assert "shop @ default" in html
    assert "backend=" not in html
