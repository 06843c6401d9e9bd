"""What a project has in tables of its own: tasks that are to be sent, and ends for which receivers are called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.admin_pages import AdminSite
from tests.support.tasks import wait_phase
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.support.browsing import Visitor
    from tests.support.operator import OperatorProcess
    from tools.kubectl import Kubectl


@pytest.fixture(scope="module")
def site(
    operator: OperatorProcess, queue: str, namespace: str, web_account: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AdminSite]:
    """No relay runs, and nobody calls receivers."""
    with AdminSite(tmp_path_factory.mktemp("web"), namespace, web_account, TABLES="1").running() as site:
        site.python("-m", "tests.support.admin_project.rows")
        yield site


def act(page: Page, action: str, button: str) -> None:
    """With all rows of the list."""
    page.locator("#action-toggle").check()
    page.locator("[name=action]").select_option(label=action)
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name=button).click()


def test_tasks_that_nobody_sends_are_sent_by_hand(visitor: Visitor, kubectl: Kubectl) -> None:
    page = visitor.open("outboxtask/")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("shop.probes.add")
    rows.first.get_by_role("link").first.click()
    expect(page.locator("#content")).to_contain_text("waiting")
    page.go_back()
    assert kubectl.get("djangotasks")["items"] == []

    act(page, "Send now", "Yes, send")
    expect(page.locator(".messagelist")).to_contain_text("Send now: 2 rows.")
    expect(page.locator("#content")).to_contain_text("Nothing waits to be sent")
    tasks = wait_for("the tasks are there", lambda: kubectl.get("djangotasks")["items"] or None, seconds=60)
    for task in tasks:
        wait_phase(kubectl, task["metadata"]["name"], "Succeeded")


def test_receivers_that_were_given_up_are_called_again_or_no_more(visitor: Visitor) -> None:
    page = visitor.open("taskend/")
    row = page.locator("#result_list tbody tr")
    for words in ("shop.mail.send_receipt", "given up", "ConnectionError"):
        expect(row).to_contain_text(words)
    act(page, "Call receivers again", "Yes, call them")
    expect(page.locator(".messagelist")).to_contain_text("Call receivers again: 1 row.")
    expect(row).not_to_contain_text("given up")

    row.get_by_role("link").first.click()
    expect(page.locator("#content")).to_contain_text("task-of-yesterday")
    page.get_by_role("button", name="Call no more receivers…").or_(
        page.get_by_role("link", name="Call no more receivers…")
    ).click()
    page.get_by_role("button", name="Yes, leave it at that").click()
    expect(page.locator("#content")).to_contain_text("All receivers were called")
