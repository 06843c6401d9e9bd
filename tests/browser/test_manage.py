"""Queues, schedules and workflows, as people manage them in the admin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.population import report_workflow, schedule, wait_workflow
from tests.support.admin_pages import AdminSite, account
from tests.support.browsing import Visitor
from tests.support.tasks import create_task, status_of, wait_phase

if TYPE_CHECKING:
    import pytest
    from playwright.sync_api import Browser

    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl


def test_a_queue_is_paused_with_a_reason_and_released(visitor: Visitor, kubectl: Kubectl) -> None:
    page = visitor.open("queue/")
    page.get_by_role("link", name="Pause or limit default").click()
    page.get_by_label("Why").fill("the prices are wrong")
    page.locator("[name=length]").fill("2h")
    page.get_by_role("button", name="Yes, hold it").click()
    expect(page.locator(".messagelist")).to_contain_text("the prices are wrong")
    line = page.locator("tbody tr", has_text="default")
    expect(line).to_contain_text("by jane")
    expect(line).to_contain_text("until")

    held = "--for=jsonpath={.status.held.concurrency}=0"
    kubectl("wait", "djangotaskqueue/default", held, "--timeout=240s", seconds=250)
    task = create_task(kubectl, "shop.probes.add", 1, 2)
    detail = visitor.open(f"task/{task}/change/")
    expect(detail.locator("[data-live=task]")).to_contain_text("the prices are wrong")
    expect(line).to_contain_text("1")
    assert status_of(kubectl, task)["phase"] == "Queued"

    page.get_by_role("link", name="Release default").click()
    expect(page.locator("#content-main")).to_contain_text("the prices are wrong")
    page.get_by_role("button", name="Yes, release it").click()
    expect(detail.locator(".djt-headline .djt-phase")).to_have_text("✓ Succeeded")
    assert kubectl.get("djangotaskholds")["items"] == []


def test_a_form_that_is_wrong_says_so(visitor: Visitor) -> None:
    page = visitor.open("queue/default/hold/")
    page.get_by_label("Why").fill("no reason")
    page.locator("[name=length]").fill("two hours")
    page.get_by_role("button", name="Yes, hold it").click()
    expect(page.locator(".errorlist")).to_contain_text("That is no length of time.")


def test_a_schedule_is_run_now_suspended_and_resumed(visitor: Visitor, kubectl: Kubectl) -> None:
    kubectl.apply(schedule("nightly", cron=["0 2 * * *"], timeZone="America/New_York"))
    page = visitor.open("schedule/?fresh=1")
    expect(page.locator("tbody tr", has_text="nightly")).to_contain_text("America/New_York")
    page.get_by_role("link", name="Run nightly now").click()
    page.get_by_role("button", name="Yes, run it now").click()
    expect(page.locator(".djt-headline .djt-phase")).to_have_text("✓ Succeeded")
    page.get_by_role("link", name="nightly").click()
    expect(page.locator(".djt-tabs [aria-current]")).to_have_text("Schedules")
    expect(page.locator(".djt-strip a")).to_have_count(1)

    page.get_by_role("link", name="Suspend nightly").click()
    page.get_by_role("button", name="Yes, suspend it").click()
    expect(page.locator(".messagelist")).to_contain_text("It is suspended.")
    expect(page.locator("#content-main")).to_contain_text("suspended")
    assert kubectl.get("djangotaskschedule", "nightly")["spec"]["suspended"] is True
    page.get_by_role("link", name="Resume nightly").click()
    page.get_by_role("button", name="Yes, resume it").click()
    expect(page.locator(".messagelist")).to_contain_text("It is resumed.")
    assert not kubectl.get("djangotaskschedule", "nightly")["spec"].get("suspended")


def test_a_workflow_is_watched_looked_into_and_retried(visitor: Visitor, kubectl: Kubectl) -> None:
    kubectl.apply(report_workflow("october"))
    page = visitor.open("workflow/october/change/")
    page.evaluate("window.isTheSamePage = true")
    expect(page.locator("#content-main")).to_contain_text("✗ Failed")
    assert page.evaluate("window.isTheSamePage") is True
    boxes = page.locator(".djt-graph a")
    expect(boxes).to_have_count(5)
    expect(page.locator(".djt-box-failed")).to_have_count(1)
    expect(boxes.filter(has_text="statement")).to_contain_text("×3")

    boxes.filter(has_text="statement").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(3)
    page.go_back()
    boxes.filter(has_text="publish").click()
    expect(page.locator(".djt-message").first).to_contain_text("no card is on file for order A00000009")
    page.get_by_role("link", name="october").first.click()

    page.get_by_role("link", name="Retry from what failed…").click()
    page.get_by_role("button", name="Yes, retry it").click()
    expect(page.locator(".messagelist")).to_contain_text("It is retried as")
    new = re.findall(r"workflow/([^/]+)/change", page.url)[0]
    assert new != "october"
    wait_workflow(kubectl, new, "Failed")
    # What had succeeded was taken over.
    steps = kubectl.get("djangotaskworkflow", new)["status"]["steps"]
    assert kubectl("get", "djangotasks", "-o", "name").count(f"{new}-statement") == 0, steps


def test_a_workflow_is_cancelled(visitor: Visitor, kubectl: Kubectl) -> None:
    flow = report_workflow("endless")
    flow["spec"]["steps"][0] |= {"task": "shop.probes.sleep", "payload": '{"args":[600],"kwargs":{}}'}
    kubectl.apply(flow)
    wait_workflow(kubectl, "endless", "Running")
    page = visitor.open("workflow/endless/change/")
    page.get_by_role("link", name="Cancel…").click()
    page.get_by_label("Reason").fill("not needed")
    page.get_by_role("button", name="Yes, cancel it").click()
    expect(page.locator("#content-main")).to_contain_text("⊘ Cancelled")
    expect(page.get_by_role("link", name="Retry from what failed…")).to_be_visible()
    assert kubectl.get("djangotaskworkflow", "endless")["spec"]["cancelReason"] == "jane: not needed"


def test_what_may_not_be_read_is_said_with_the_right_that_is_missing(
    visitor: Visitor, browser: Browser, cluster: Cluster, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A web app whose account has what the chart gives by default."""
    create_task(kubectl, "shop.probes.add", 1, 2)
    kubeconfig = account(cluster, kubectl, tmp_path_factory.mktemp("account"), name="modest")
    with AdminSite(tmp_path_factory.mktemp("modest"), kubectl.namespace, kubeconfig).running() as site:
        modest = Visitor(browser, site)
        page = modest.open("queue/")
        expect(page.locator(".djt-problem").first).to_contain_text("Queues cannot be read here")
        expect(page.locator("#content-main")).to_contain_text("djangotaskqueues")
        expect(page.get_by_role("link", name="Pause or limit")).to_have_count(0)
        page = modest.open("schedule/")
        expect(page.locator(".djt-problem")).to_contain_text("admin.schedules=true")
        page = modest.open("queue/", person="viewer")
        expect(page.locator(".djt-problem").first).to_contain_text("Ask your administrator.")
        task = create_task(kubectl, "shop.probes.add", 1, 2)
        wait_phase(kubectl, task, "Succeeded")
        page = modest.open(f"task/{task}/delete/")
        expect(page.locator(".djt-problem")).to_contain_text("A right is missing")
        expect(page.get_by_role("button", name="Yes, delete")).to_have_count(0)
        modest.close()
        assert modest.problems == []
    assert kubectl.get("djangotask", task)["metadata"]["name"] == task
