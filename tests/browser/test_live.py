"""Live updates in a real browser, whose clock the test turns: when a page asks, and when it leaves off."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.admin_pages import AdminSite
from tests.support.browsing import Visitor
from tests.support.proxy import Proxy
from tests.support.tasks import FINISH_SECONDS, create_task
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from playwright.sync_api import Page, Request, Response, Route

    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVERY = 5_000
STEP = 1_000
SLOWEST = 30_000
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def proxy(web_account: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with Proxy(web_account, tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def site(
    proxy: Proxy, kubectl: Kubectl, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AdminSite]:
    """Its cluster can be away. No operator is at work: its tasks stay as they are."""
    kubectl.apply(queue_manifest("default", cluster.image(Target.EXAMPLE)))
    folder = tmp_path_factory.mktemp("web")
    with AdminSite(folder, kubectl.namespace, proxy.kubeconfig).running() as site:
        yield site


@pytest.fixture(scope="module")
def tasks(kubectl: Kubectl) -> list[str]:
    return [create_task(kubectl, "shop.probes.add", 1, number) for number in range(2)]


class Still:
    """A page whose clock stands. `asked`: for the parts that it asks for, how it was answered. `open`: not yet."""

    def __init__(self, visitor: Visitor, path: str, **look: Any) -> None:
        self.page: Page = visitor.new_page(**look)
        self.page.clock.install(time=NOON)
        self.page.clock.pause_at(NOON + timedelta(seconds=1))
        self.asked: list[int] = []
        self.open: set[Request] = set()
        self.page.on("request", lambda request: self.open.add(request) if "part=" in request.url else None)
        self.page.on("response", self._note)
        self.page.on("requestfailed", lambda request: self.open.discard(request))
        self.page.goto(visitor.page(path))
        # Away from all that is kept as long as somebody points at it.
        self.page.locator("#site-name, #branding").first.hover()

    def answer(self, milliseconds: int) -> int:
        """Goes on until it has asked, and so long at most. Returns how that was answered."""
        before = len(self.asked)
        for _ in range(0, milliseconds, STEP):
            self.page.clock.run_for(STEP)
            self._settle()
            if self.asked[before:]:
                return self.asked[-1]
        raise AssertionError(f"it has not asked within {milliseconds} ms")

    def nothing(self, milliseconds: int = 60_000) -> None:
        """Goes on so long, in which it does not ask."""
        self._settle()
        before = len(self.asked)
        self.page.clock.run_for(milliseconds)
        self._settle()
        assert self.asked[before:] == []

    def _note(self, answer: Response) -> None:
        if "part=" in answer.url:
            self.open.discard(answer.request)
            self.asked.append(answer.status)

    def _settle(self) -> None:
        """What the page has asked for has come, however slow the server is. It is known when a later question is."""
        question = "fetch('/admin/jsi18n/').then(answer => answer.text())"
        self.page.evaluate(question)
        while self.open:
            self.page.wait_for_event("response")
            self.page.evaluate(question)


def test_a_page_asks_and_what_has_not_changed_is_not_sent(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, f"task/{tasks[0]}/change/")
    statuses = [still.answer(SLOWEST) for _ in range(3)]
    # The first answer is replaced as a whole, since the page does not know what it has; times go by.
    assert statuses[0] == 200
    assert set(statuses) <= {200, 304}
    shown = still.page.locator("[data-live-time]").inner_text()
    assert len(shown.split(":")) == 3


def test_refresh_reads_once_and_what_follows_is_shared(visitor: Visitor, tasks: list[str]) -> None:
    """Else each page on which somebody has clicked it would ask the cluster each time, and wait for it."""
    still = Still(visitor, "task/")
    still.page.get_by_role("link", name="Refresh").click()
    still.page.wait_for_url("**fresh=1")
    with still.page.expect_request(lambda request: "part=rows" in request.url) as asked:
        still.answer(SLOWEST)
    assert "fresh" not in asked.value.url


def test_the_switch_stops_it_and_is_remembered(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, "task/")
    switch = still.page.get_by_role("button", name="Live updates")
    expect(switch).to_have_attribute("aria-pressed", "true")
    assert still.answer(EVERY) == 200
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "false")
    still.nothing()
    still.page.reload()
    expect(switch).to_have_attribute("aria-pressed", "false")
    still.nothing()
    with still.page.expect_response(lambda answer: "part=rows" in answer.url):
        switch.click()
        still.page.clock.run_for(0)


def test_who_prefers_less_motion_has_it_off(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, "task/", reduced_motion="reduce")
    expect(still.page.get_by_role("button", name="Live updates")).to_have_attribute("aria-pressed", "false")
    still.nothing()


def test_a_hidden_page_does_not_ask(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, "task/overview/")
    still.page.evaluate(HIDE, True)
    still.nothing()
    with still.page.expect_response(lambda answer: "part=overview" in answer.url):
        still.page.evaluate(HIDE, False)
        still.page.clock.run_for(0)


def test_rows_that_came_later_are_selected_as_those_before(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, "task/")
    for _ in range(2):
        # The first answer has rows. Those stay while no age of theirs reads differently.
        assert still.answer(2 * EVERY) in (200, 304)
        still.page.locator("#action-toggle").check()
        boxes = still.page.locator("input.action-select")
        assert boxes.evaluate_all("boxes => boxes.every(box => box.checked)")
        expect(still.page.locator(".action-counter").first).to_have_text(f"{len(tasks)} of {len(tasks)} selected")
        still.page.locator("#action-toggle").uncheck()
        still.page.locator("#action-toggle").evaluate("box => box.blur()")
        still.page.locator("#site-name, #branding").first.hover()


def test_what_is_selected_pointed_at_or_focused_stays(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, "task/")
    box = still.page.locator("input.action-select").first
    link = still.page.locator("#result_list .field-task a").first
    cell = still.page.locator("#result_list .field-waited").first
    away = still.page.locator("#site-name, #branding").first
    box.check()
    away.hover()
    still.nothing()
    box.uncheck()
    still.nothing()  # it has the focus
    box.evaluate("box => box.blur()")
    link.hover()
    still.nothing()
    cell.hover()
    cell.evaluate("cell => getSelection().selectAllChildren(cell)")
    still.nothing()
    still.page.evaluate("getSelection().removeAllRanges()")
    # A pointer that rests on what cannot be clicked holds up nothing.
    assert still.answer(2 * SLOWEST) in (200, 304)


def test_a_cluster_that_is_away_is_said_and_forgotten_when_it_is_back(
    visitor: Visitor, proxy: Proxy, tasks: list[str]
) -> None:
    still = Still(visitor, "task/")
    with proxy.away():
        # What was read before is given for a while.
        wait_for("it is noticed", lambda: still.answer(2 * SLOWEST) == 503 or None, seconds=FINISH_SECONDS)
        expect(still.page.locator("[data-live-state]")).to_have_text("No answer. It is tried again.")
        expect(still.page.locator("#result_list tbody tr")).to_have_count(2)
        cold = visitor.open("workflow/")
        expect(cold.locator(".djt-problem")).to_contain_text("The cluster does not answer")
    still.page.bring_to_front()
    wait_for("it is noticed", lambda: still.answer(2 * SLOWEST) in (200, 304) or None, seconds=FINISH_SECONDS)
    expect(still.page.locator("[data-live-state]")).to_have_text("")
    # The page that was opened meanwhile recovers by itself.
    cold.bring_to_front()
    expect(cold.locator(".djt-problem")).to_have_count(0)
    expect(cold.locator("#content-main")).to_contain_text("No workflows yet.")


def test_a_page_of_a_proxy_does_not_take_the_place_of_a_part(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, "task/")
    log_in = "<!doctype html><title>Log in</title><h1>Log in</h1>"
    still.page.route(re.compile("part=rows"), lambda route: route.fulfill(content_type="text/html", body=log_in))
    assert still.answer(2 * SLOWEST) == 200
    expect(still.page.locator("[data-live-state]")).to_have_text("No answer. It is tried again.")
    expect(still.page.locator("#result_list tbody tr")).to_have_count(2)
    still.page.unroute_all()
    assert still.answer(2 * SLOWEST) in (200, 304)
    expect(still.page.locator("[data-live-state]")).to_have_text("")


def test_a_session_that_is_over_is_said(visitor: Visitor, tasks: list[str]) -> None:
    still = Still(visitor, "task/")
    still.page.context.clear_cookies()
    still.page.clock.run_for(EVERY)
    expect(still.page.locator("[data-live-state]")).to_have_text("Log in again.")
    still.nothing()


def test_a_page_is_up_to_date_where_scripts_may_not_write_text(visitor: Visitor, tasks: list[str]) -> None:
    """Trusted Types: what no policy has made is refused, and was taken for a cluster that does not answer."""
    still = Still(visitor, "task/overview/")
    still.page.route(visitor.page("task/overview/"), with_trusted_types)
    still.page.reload()
    still.page.evaluate("document.querySelector('[data-live] > *').id = 'before'")
    assert still.answer(2 * SLOWEST) == 200
    expect(still.page.locator("#before")).to_have_count(0)
    expect(still.page.locator("[data-live-state]")).to_have_text("")


def with_trusted_types(route: Route) -> None:
    response = route.fetch()
    policy = {"content-security-policy": "default-src 'self'; require-trusted-types-for 'script'"}
    route.fulfill(response=response, headers=response.headers | policy)
