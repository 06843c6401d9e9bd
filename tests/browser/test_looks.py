"""Every page as different people see it: light, dark, in forced colours, on a phone, from right to left, with a screen reader.

SCREENSHOTS=docs/images pytest tests/browser/test_looks.py      takes the documentation's pictures again
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.population import Populated, populate
from tests.support.browsing import Visitor, too_wide
from tests.support.screenshots import shoot

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.support.admin_pages import AdminSite
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
RIGHT_TO_LEFT: dict[str, Any] = {"locale": "ar"}


@dataclass(frozen=True)
class Look:
    """`options`: of the browser. `is_read`: whether axe looks at it, too: it costs a second a page."""

    name: str
    options: dict[str, Any] = field(hash=False)
    is_read: bool = True


LOOKS = (
    Look("light", DESK),
    Look("dark", DESK | {"color_scheme": "dark"}),
    Look("phone", PHONE),
    Look("forced", DESK | {"forced_colors": "active"}, is_read=False),
    Look("rtl", DESK | RIGHT_TO_LEFT, is_read=False),
)
# By the name of their picture: the address, and a text that shows that the page has what it is about.
PAGES = {
    "overview": ("task/overview/", "OOMKilled"),
    "tasks": ("task/", "shop.probes.allocate"),
    "nothing": ("task/?queue=none-has-this-name", ""),
    "task": ("task/{failed}/change/", "CardDeclined"),
    "running": ("task/{running}/change/", "orders of October"),
    "cancel": ("task/{running}/cancel/", "shop.probes.say_progress"),
    "failures": ("task/failures/", "OOMKilled"),
    "queues": ("queue/", "the mail server moves"),
    "hold": ("queue/default/hold/", "default"),
    "release": ("queue/mail/release/", "the mail server moves"),
    "schedules": ("schedule/", "nightly-report"),
    "schedule": ("schedule/{schedule}/change/", "America/New_York"),
    "run": ("schedule/{schedule}/run/", "nightly-report"),
    "workflows": ("workflow/", "monthly_report"),
    "workflow": ("workflow/{workflow}/change/", "publish"),
    "log": ("task/{failed}/log/?attempt=2", ""),
    "history": ("taskhistory/", ""),
}
# What the documentation shows: a page, and a look.
SHOWN = {
    ("overview", "light"), ("overview", "dark"), ("tasks", "light"), ("task", "light"), ("failures", "light"),
    ("queues", "light"), ("schedules", "light"), ("workflow", "light"), ("running", "phone"),
}  # fmt: skip


@pytest.fixture(scope="module")
def populated(cluster: Cluster, kubectl: Kubectl, site: AdminSite) -> Populated:
    return populate(cluster, kubectl)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("pictures"))


def findings(page: Page) -> dict[str, str]:
    """What axe finds, by its rules, with the elements."""
    found = Axe().run(page).response["violations"]
    return {one["id"]: "; ".join(node["html"][:200] for node in one["nodes"][:3]) for one in found}


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
def test_every_page_looks_right(
    look: Look, visitor: Visitor, populated: Populated, pictures: Path, site: AdminSite
) -> None:
    """The visitor's browser has no complaint, which is about the Content Security Policy, too."""
    page = visitor.new_page(**look.options)
    stock: set[str] = set()
    if look.is_read:
        page.goto(f"{site.url}/admin/auth/user/")
        stock = set(findings(page))
    wrong: list[str] = []
    for name, (path, text) in PAGES.items():
        page.goto(site.page(path.format(**vars(populated))))
        if text:
            expect(page.locator("#content-main, #changelist").first).to_contain_text(text)
        if wide := too_wide(page):
            wrong.append(f"{name} is too wide: {wide}")
        if look.is_read:
            wrong += [f"{name}: {rule}: {where}" for rule, where in findings(page).items() if rule not in stock]
        if "SCREENSHOTS" not in os.environ or (name, look.name) in SHOWN:
            shoot(page, pictures, name, look.name)
    assert page.locator("html").get_attribute("dir") == ("rtl" if look.name == "rtl" else "ltr")
    assert not wrong, "\n".join(wrong)


def test_no_page_has_a_script_or_a_style_of_its_own(visitor: Visitor, populated: Populated, site: AdminSite) -> None:
    page = visitor.new_page()
    for path, _text in PAGES.values():
        page.goto(site.page(path.format(**vars(populated))))
        inline = page.locator("#content [style], #content style, script:not([src]):not([type='application/json'])")
        assert inline.count() == 0, (path, inline.first.evaluate("element => element.outerHTML"))


# The texts of boxes that are not within them, and what programs wrote that does not read from left to right.
OUT_OF_PLACE = """() => [
    ...[...document.querySelectorAll(".djt-graph a")].flatMap(link => {
        const box = link.querySelector("rect").getBoundingClientRect();
        return [...link.querySelectorAll("text")].filter(text => {
            const place = text.getBoundingClientRect();
            return place.left < box.left || place.right > box.right;
        });
    }),
    ...[...document.querySelectorAll("#content pre, #content svg")].filter(
        element => getComputedStyle(element).direction !== "ltr"
    ),
].map(element => element.outerHTML.slice(0, 120))"""


@pytest.mark.parametrize("name", ["overview", "task", "workflow"])
def test_pictures_and_code_read_from_left_to_right_in_every_language(
    name: str, visitor: Visitor, populated: Populated, site: AdminSite
) -> None:
    page = visitor.new_page(**(DESK | RIGHT_TO_LEFT))
    path, _text = PAGES[name]
    page.goto(site.page(path.format(**vars(populated))))
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    assert page.evaluate(OUT_OF_PLACE) == []


def test_the_words_of_a_chart_are_as_large_on_a_phone(visitor: Visitor, populated: Populated, site: AdminSite) -> None:
    """A chart that is too wide scrolls."""
    page = visitor.new_page(**PHONE)
    for path in (PAGES["overview"][0], PAGES["task"][0].format(**vars(populated))):
        page.goto(site.page(path))
        charts = page.locator(".djt-chart svg[role=img]")
        expect(charts.first).to_be_visible()
        shown = "charts => charts.map(chart => chart.getBoundingClientRect().width / chart.getAttribute('width'))"
        assert set(charts.evaluate_all(shown)) == {1}


@pytest.mark.parametrize(("look", "column"), [(DESK, "ran"), (PHONE, "phase")], ids=["desk", "phone"])
def test_a_list_shows_what_is_looked_for_without_scrolling(
    look: dict[str, Any], column: str, visitor: Visitor, populated: Populated, site: AdminSite
) -> None:
    page = visitor.new_page(**look)
    page.goto(site.page("task/"))
    table, cell = page.locator(".results").first, page.locator(f"#result_list .field-{column}").first
    frame, place = table.bounding_box(), cell.bounding_box()
    assert frame is not None
    assert place is not None
    assert place["x"] + place["width"] <= frame["x"] + frame["width"]


@pytest.mark.parametrize("name", ["overview", "tasks", "task", "workflow"])
def test_paper_has_all_that_a_screen_scrolls_to(
    name: str, visitor: Visitor, populated: Populated, site: AdminSite
) -> None:
    page = visitor.new_page(**DESK)
    page.emulate_media(media="print")
    path, _text = PAGES[name]
    page.goto(site.page(path.format(**vars(populated))))
    clips = "boxes => boxes.filter(box => getComputedStyle(box).overflow !== 'visible').map(box => box.className)"
    assert page.locator("#content :is(pre, .djt-scroll, .results)").evaluate_all(clips) == []
    assert page.locator("#content pre").evaluate_all(
        "all => all.every(one => getComputedStyle(one).maxHeight === 'none')"
    )
