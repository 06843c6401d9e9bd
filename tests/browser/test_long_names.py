"""A name as long as one may be, on a desk and on a phone: no page scrolls from side to side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from djangotasks_api.bounds import TASK_PATH_MAX_CHARS
from tests.support.browsing import Visitor, too_wide
from tests.support.tasks import create_task

if TYPE_CHECKING:
    from tests.support.admin_pages import AdminSite
    from tools.kubectl import Kubectl

NAME = "shop." + "x" * (TASK_PATH_MAX_CHARS - 5)
VIEWPORTS = {"desk": {"width": 1280, "height": 860}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="module")
def task(kubectl: Kubectl, site: AdminSite) -> str:
    return create_task(kubectl, NAME, queue="no-such-queue")


@pytest.mark.parametrize("viewport", VIEWPORTS.values(), ids=VIEWPORTS)
@pytest.mark.parametrize("path", ["task/{task}/change/", "task/{task}/cancel/", "task/", "task/?q={task}"])
def test_a_name_as_long_as_one_may_be_fits(
    path: str, viewport: dict[str, Any], task: str, visitor: Visitor, site: AdminSite
) -> None:
    page = visitor.new_page(viewport=viewport)
    page.goto(site.page(path.format(task=task)))
    expect(page.locator("#content")).to_contain_text("xxx")
    assert too_wide(page) == []
