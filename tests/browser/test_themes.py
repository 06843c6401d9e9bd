"""The pages in other themes of the admin. Their looks are the themes' own; that the pages can be used is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.support.admin_pages import AdminSite
from tests.support.browsing import Visitor
from tests.support.tasks import create_task, wait_phase
from tools.cluster import Target
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

# By the address, what is seen there.
PAGES = {
    "task/overview/": "Running longest",
    "task/failures/": "Nothing failed in this time.",
    "queue/": "default",
    "schedule/": "No schedules yet.",
    "workflow/": "No workflows yet.",
}
PADDINGS = "cells => cells.map(cell => parseFloat(getComputedStyle(cell).paddingInlineEnd))"


@pytest.mark.parametrize("theme", ["jazzmin", "unfold"])
def test_a_theme_has_all_pages_and_a_task_is_cancelled_in_it(
    theme: str,
    browser: Browser,
    cluster: Cluster,
    kubectl: Kubectl,
    operator: OperatorProcess,
    web_account: Path,
    tmp_path: Path,
) -> None:
    kubectl.apply(queue_manifest("default", cluster.image(Target.EXAMPLE), suspended=True))
    task = create_task(kubectl, "shop.probes.add", 1, 2)
    with AdminSite(tmp_path, kubectl.namespace, web_account, THEME=theme).running() as site:
        visitor = Visitor(browser, site)
        page = visitor.new_page(viewport={"width": 1280, "height": 860})
        for path, text in PAGES.items():
            answer = page.goto(site.page(path))
            assert answer is not None
            assert answer.status == 200
            expect(page.locator("body")).to_contain_text(text)
            # The numbers of a table do not run together.
            cells = page.locator(".djt-scroll > table td").evaluate_all(PADDINGS)
            assert all(padding > 0 for padding in cells)
        page.goto(site.page("task/?phase=Queued"))
        page.locator("#action-toggle").check()
        expect(page.locator("input.action-select").first).to_be_checked()
        page.locator("#action-toggle").uncheck()
        page.locator("#result_list").get_by_role("link", name="shop.probes.add").first.click()
        expect(page.locator("body")).to_contain_text("Its queue default:")
        # Also where the theme has no titles.
        expect(page.locator("#content-main .djt-facts")).to_contain_text("shop.probes.add")
        page.get_by_role("link", name="Cancel…").click()
        page.get_by_role("button", name="Yes, cancel").click()
        expect(page.locator("body")).to_contain_text("Cancel: 1 task.")
        wait_phase(kubectl, task, "Cancelled")
        visitor.close()
    # The themes' own scripts may complain of each other, and of nothing that a page of ours is made of.
    assert [problem for problem in visitor.problems if not _is_the_themes(problem, theme, site)] == []


def _is_the_themes(problem: str, theme: str, site: AdminSite) -> bool:
    """Whether a script of the theme says it of itself, or something that the theme takes from elsewhere, such as fonts."""
    source = problem.partition(": ")[0]
    return f"/static/{theme}/" in source or not source.startswith(site.url)
