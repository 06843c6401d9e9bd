"""A browser that people visit the admin with. It notes what goes wrong on a page, beside what the page shows."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from playwright.sync_api import ConsoleMessage, expect, sync_playwright

from tests.support.admin_project.people import PASSWORD
from tools.browser import ensure_chromium
from tools.cluster import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Response, StorageState

    from tests.support.admin_pages import AdminSite

# A page waits for a pod that starts on a busy machine.
PATIENCE_MS = 240_000.0
LOAD_MS = 120_000.0


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Headless. Within it an event loop counts as running in this thread, so only a module's tests share one."""
    path = ensure_chromium(Progress())
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


class Visitor:
    """Opens pages of one site as one person. `problems`: what the browser complains about, which should be nothing."""

    def __init__(self, browser: Browser, site: AdminSite) -> None:
        self._browser, self._site = browser, site
        self._sessions: dict[str, StorageState] = {}
        self._contexts: list[BrowserContext] = []
        self.problems: list[str] = []

    def open(self, path: str, person: str = "jane", **look: Any) -> Page:
        """A page of this app: `task/overview/`. `look`: of the browser, as Playwright has it: color_scheme="dark"."""
        page = self.new_page(person, **look)
        page.goto(self.page(path))
        return page

    def page(self, path: str) -> str:
        """The address of a page of this app."""
        return self._site.page(path)

    def new_page(self, person: str = "jane", **look: Any) -> Page:
        """In a browser of its own, where the person has logged in."""
        state = self._sessions.get(person)
        context = self._browser.new_context(storage_state=state, **look)
        context.set_default_timeout(LOAD_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error.stack or error}"))
        page.on("response", self._note_response)
        if state is None:
            self._log_in(page, person)
            self._sessions[person] = context.storage_state()
        return page

    def close(self) -> None:
        """Prints what the last pages showed, for the report of a failure."""
        for context in self._contexts:
            for page in context.pages:
                with contextlib.suppress(Exception):  # a page may be in the middle of anything
                    print(page.url, page.inner_text("body", timeout=1000)[:3000], sep="\n")
            context.close()
        self._contexts.clear()

    def _log_in(self, page: Page, person: str) -> None:
        page.goto(f"{self._site.url}/admin/")
        page.locator("[name=username]").fill(person)
        page.locator("[name=password]").fill(PASSWORD)
        page.locator("[type=submit]").first.click()
        page.wait_for_url(lambda url: "/login/" not in url)

    def _note_console(self, message: ConsoleMessage) -> None:
        if "part=" in message.location.get("url", "") and " 503 " in message.text:
            return  # a page that is open says so, and asks again
        # A Content Security Policy's violation is an error here, too.
        if message.type in ("error", "warning", "assert") and not message.location.get("url", "").endswith(
            "favicon.ico"
        ):
            self.problems.append(f"{message.location.get('url')}: {message.text}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 500 and "part=" not in response.url:
            with contextlib.suppress(Exception):  # of a page that has gone on
                print(response.url, response.text()[:2000])
            self.problems.append(f"{response.url} answered {response.status}")


def tab_to(page: Page, selector: str, most: int = 150) -> None:
    """Moves the focus there with the Tab key alone."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by {most} presses of Tab")


def too_wide(page: Page) -> list[str]:
    """What makes the page itself scroll from side to side."""
    outer: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.querySelectorAll("body *")].filter(element => {
                const box = element.getBoundingClientRect();
                return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
            }).map(element => element.outerHTML.slice(0, 120))"""
    )
    return outer[:10]
