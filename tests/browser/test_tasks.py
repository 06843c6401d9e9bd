"""Tasks as people watch and manage them in the admin: a real browser, a real cluster, real pods."""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.support.browsing import tab_to
from tests.support.tasks import FINISH_SECONDS, create_task, killed_for, scheduled_task, wait_phase
from tools.cluster import Target
from tools.kubectl import wait_for
from tools.manifests import queue_manifest

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.support.admin_pages import AdminSite
    from tests.support.browsing import Visitor
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

FILE = "/tmp/go"
HOSTILE = "<img src=x onerror=alert(1)>\u202e"


@pytest.fixture
def stopped(cluster: Cluster, kubectl: Kubectl) -> str:
    """A queue that starts nothing."""
    name = f"stopped-{secrets.token_hex(2)}"
    kubectl.apply(queue_manifest(name, cluster.image(Target.EXAMPLE), suspended=True))
    return name


@pytest.fixture
def running(kubectl: Kubectl, site: AdminSite) -> Callable[[], str]:
    """A task that runs until somebody stops it."""

    def make() -> str:
        task = create_task(kubectl, "shop.probes.sleep", 600)
        wait_phase(kubectl, task, "Running")
        return task

    return make


def phase(page: Page) -> Any:
    return page.locator(".djt-headline .djt-phase")


def row(page: Page, task: str) -> Any:
    """Of a task, in the list."""
    return page.locator(f'#result_list tr:has(code[title="{task}"])')


def test_a_task_is_seen_to_wait_run_and_end_on_the_open_page(visitor: Visitor, kubectl: Kubectl, stopped: str) -> None:
    task = create_task(kubectl, "shop.probes.say_progress", 1, 4, "loading", FILE, queue=stopped)
    page = visitor.open(f"task/{task}/change/")
    page.evaluate("window.isTheSamePage = true")
    expect(phase(page)).to_have_text("… Queued")
    expect(page.locator("[data-live=task]")).to_contain_text(re.compile(f"Its queue {stopped}: .*suspended"))
    expect(page.get_by_role("link", name="Cancel…")).to_be_visible()

    kubectl("patch", "djangotaskqueue", stopped, "--type=merge", "--patch", '{"spec":{"suspended":false}}')
    expect(phase(page)).to_have_text("▶ Running")
    expect(page.locator("[data-live=task] progress").first).to_have_attribute("max", "4")
    expect(page.locator("[data-live=task]")).to_contain_text("1/4 loading")
    # In the list, meanwhile.
    listed = visitor.open("task/?phase=Running")
    expect(row(listed, task)).to_contain_text("1/4")
    page.bring_to_front()

    kubectl("exec", f"{task}-1", "--", "touch", FILE)
    expect(phase(page)).to_have_text("✓ Succeeded")
    expect(page.get_by_role("link", name="Enqueue once more…")).to_be_visible()
    expect(page.get_by_role("link", name="Cancel…")).to_have_count(0)
    assert page.locator("dd pre").all_inner_texts()[-1] == '"loading"'
    page.get_by_text("The numbers").click()
    titles = page.locator("#timeline .djt-legend li").all_inner_texts()
    assert [title.strip() for title in titles] == ["Waited", "Starting", "Succeeded"]
    assert page.evaluate("window.isTheSamePage") is True
    # It leaves the list of what runs, without a reload.
    listed.bring_to_front()
    expect(row(listed, task)).to_have_count(0)


# Says in the log which attempt it is, and waits; the first one fails then.
ATTEMPT = f"""echo "this is $HOSTNAME" > /proc/1/fd/1
until [ -e {FILE} ]; do sleep 0.1; done
case $HOSTNAME in *-1) exit 1;; esac"""


def test_the_log_is_followed_over_a_retry(visitor: Visitor, kubectl: Kubectl, site: AdminSite) -> None:
    policy = {"maxAttempts": 2, "backoff": {"initialSeconds": 1}}
    task = create_task(kubectl, "shop.probes.shell", ATTEMPT, policy=policy)
    wait_phase(kubectl, task, "Running")
    page = visitor.open(f"task/{task}/log/")
    log = page.locator("[data-live=log]")
    expect(log.locator("pre")).to_contain_text(f"this is {task}-1")

    kubectl("exec", f"{task}-1", "--", "touch", FILE)
    expect(log.locator("h2")).to_have_text("Log of attempt 2")
    expect(log.locator("pre")).to_contain_text(f"this is {task}-2")
    expect(log.locator("pre")).not_to_contain_text(f"this is {task}-1")

    kubectl("exec", f"{task}-2", "--", "touch", FILE)
    wait_phase(kubectl, task, "Succeeded")
    page.goto(site.page(f"task/{task}/log/"))
    expect(page.locator("strong[aria-current]")).to_have_text("Attempt 2")
    page.get_by_role("link", name="Attempt 1").click()
    expect(page.locator("h2#djt-log")).to_have_text("Log of attempt 1")
    expect(page.locator("pre[data-follow]")).to_contain_text(f"this is {task}-1")


def test_a_running_task_is_cancelled_with_a_reason(
    visitor: Visitor, kubectl: Kubectl, running: Callable[[], str]
) -> None:
    task = running()
    page = visitor.open(f"task/{task}/change/")
    page.get_by_role("link", name="Cancel…").click()
    expect(page.locator("#content-main")).to_contain_text("This is about 1 task.")
    page.get_by_label("Reason").fill("wrong month")
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator(".messagelist")).to_contain_text("Cancel: 1 task.")
    expect(phase(page)).to_have_text("⊘ Cancelled")
    assert kubectl.get("djangotask", task)["spec"]["cancelReason"] == "jane: wrong month"
    page.locator(".djt-tools").get_by_role("link", name="History").click()
    expect(page.locator("#change-history")).to_contain_text("wrong month")


def test_a_group_of_failures_is_enqueued_once_more_and_leaves(
    visitor: Visitor, kubectl: Kubectl, stopped: str, cluster: Cluster
) -> None:
    failed = [create_task(kubectl, "shop.probes.raise_error", name) for name in ("KeyError", "KeyError", "OSError")]
    queue = f"small-{secrets.token_hex(2)}"
    limits = {"resources": {"limits": {"memory": "64Mi"}}}
    kubectl.apply(queue_manifest(queue, cluster.image(Target.EXAMPLE), container_update=limits))
    killed = create_task(kubectl, "shop.probes.allocate", queue=queue)
    for task in (*failed, killed):
        wait_phase(kubectl, task, "Failed")
    reason = killed_for(kubectl, f"{killed}-1")

    page = visitor.open("task/overview/")
    expect(page.locator("#content-main")).to_contain_text(reason)
    page.locator(".djt-cards li", has_text="Open failures").get_by_role("link").click()
    group = page.locator("#result_list tr", has_text="KeyError")
    expect(group.locator("td").nth(1)).to_have_text("2")
    expect(page.locator("#result_list tr", has_text=reason)).to_have_count(1)
    # What is enqueued now waits: so it does not fail again.
    kubectl("patch", "djangotaskqueue", "default", "--type=merge", "--patch", '{"spec":{"suspended":true}}')
    try:
        group.get_by_role("button").click()
        expect(page.locator("#content-main")).to_contain_text("This is about 2 tasks.")
        page.get_by_role("button", name="Yes, enqueue").click()
        expect(page.locator(".messagelist")).to_contain_text("Enqueue once more: 2 tasks.")
        page.get_by_role("link", name="Failures", exact=True).click()
        expect(page.locator("#result_list tr", has_text="OSError")).to_have_count(1)
        expect(group).to_have_count(0)
        page.get_by_role("link", name="Show those, too").click()
        expect(group).to_have_count(1)
        made = [one for one in kubectl.get("djangotasks")["items"] if one["spec"].get("retryOf") in failed[:2]]
        assert len(made) == 2
    finally:
        kubectl("patch", "djangotaskqueue", "default", "--type=merge", "--patch", '{"spec":{"suspended":false}}')


def test_all_that_match_are_cancelled_over_two_pages(visitor: Visitor, kubectl: Kubectl, stopped: str) -> None:
    kubectl.apply(*(scheduled_task("shop.probes.add", number, 1, queue=stopped) for number in range(55)))
    page = visitor.open(f"task/?queue={stopped}")
    expect(page.locator(".paginator").first).to_contain_text("55 tasks")
    page.locator("#action-toggle").check()
    page.get_by_role("button", name="Select all 55 tasks").click()
    page.locator("select[name=action]").first.select_option("cancel_selected")
    page.locator(".actions button[type=submit]").first.click()
    expect(page.locator("#content-main")).to_contain_text("This is about 55 tasks.")
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator(".messagelist")).to_contain_text("Cancel: 55 tasks.")
    page.goto(page.url.partition("?")[0] + f"?queue={stopped}&phase=Queued,Starting,Retrying,Running")
    expect(page.locator("#content-main")).to_contain_text("No task matches.")


def test_arguments_are_text_and_secrets_are_hidden(visitor: Visitor, kubectl: Kubectl, stopped: str) -> None:
    task = scheduled_task("shop.probes.echo", queue=stopped)
    arguments = {"args": [HOSTILE], "kwargs": {"password": "s3cret", "number": 2**70, "deep": {"api_token": "s3cret"}}}
    task["spec"]["payload"] = json.dumps(arguments)
    kubectl.apply(task)
    name = task["metadata"]["name"]
    page = visitor.open(f"task/{name}/change/")
    data = page.locator(".djt-data")
    expect(data).to_contain_text("<img src=x onerror=alert(1)>")
    expect(data).to_contain_text(str(2**70))
    expect(data).to_contain_text("********")
    assert "s3cret" not in page.content()
    with page.expect_download() as download:
        page.get_by_role("link", name="arguments", exact=True).click()
    text = download.value.path().read_text()
    assert ("s3cret" in text, str(2**70) in text) == (False, True)


def test_who_may_only_look_sees_no_data_and_no_buttons(visitor: Visitor, kubectl: Kubectl, stopped: str) -> None:
    task = create_task(kubectl, "shop.probes.echo", "for few eyes", queue=stopped)
    page = visitor.open(f"task/{task}/change/", person="viewer")
    expect(page.locator("#content-main")).to_contain_text("You may not see arguments, results and logs.")
    assert "for few eyes" not in page.content()
    expect(page.locator(".djt-tools a")).to_have_text(["History"])
    page.get_by_role("link", name="Tasks", exact=True).first.click()
    expect(row(page, task)).to_have_count(1)
    expect(page.locator("select[name=action]")).to_have_count(0)


def test_who_has_no_permission_finds_nothing(visitor: Visitor, site: AdminSite) -> None:
    page = visitor.new_page("nobody")
    page.goto(f"{site.url}/admin/")
    expect(page.locator("#content-main")).not_to_contain_text("Tasks")
    answer = page.goto(site.page("task/"))
    assert answer is not None
    assert answer.status == 403
    visitor.problems = [problem for problem in visitor.problems if "403" not in problem]


def test_a_task_is_found_and_cancelled_without_javascript(visitor: Visitor, kubectl: Kubectl, stopped: str) -> None:
    task = create_task(kubectl, "shop.probes.add", 1, 2, queue=stopped)
    page = visitor.open("task/", java_script_enabled=False)
    page.locator("#searchbar").fill(task)
    page.locator("#searchbar").press("Enter")
    row(page, task).locator("input").check()
    page.locator("select[name=action]").first.select_option("cancel_selected")
    page.locator(".actions button[type=submit]").first.click()
    page.get_by_role("button", name="Yes, cancel").click()
    expect(page.locator(".messagelist")).to_contain_text("Cancel: 1 task.")
    wait_phase(kubectl, task, "Cancelled")

    def is_seen() -> bool | None:
        page.get_by_role("link", name="Refresh").click()
        return phase(page).inner_text() == "⊘ Cancelled" or None

    wait_for("the page says so", is_seen, seconds=FINISH_SECONDS)
    expect(page.locator("[data-live-switch]")).to_be_hidden()


def test_a_task_is_found_and_cancelled_by_keyboard(visitor: Visitor, kubectl: Kubectl, stopped: str) -> None:
    task = create_task(kubectl, "shop.probes.add", 1, 2, queue=stopped)
    page = visitor.open("task/")
    tab_to(page, "#searchbar")
    page.keyboard.type(task)
    page.keyboard.press("Enter")
    expect(row(page, task)).to_have_count(1)
    tab_to(page, "#result_list .field-task a")
    page.keyboard.press("Enter")
    expect(phase(page)).to_have_text("… Queued")
    tab_to(page, ".djt-tools a[href$='cancel/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cancel/")
    tab_to(page, "#djt-reason")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(phase(page)).to_have_text("⊘ Cancelled")
