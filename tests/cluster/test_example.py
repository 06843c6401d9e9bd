"""The example shop, deployed as the demo deploys it: the three jobs that people use tasks for."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from shop.sample import BAD_EVERY, orders_csv

from djangotasks_api.names import GROUP, QUEUE_PLURAL, TASK_PLURAL
from djangotasks_api.phases import TERMINAL_PHASES
from tests.support.queues import wait_seen
from tests.support.shells import plugin
from tests.support.shop import TASK_SECONDS, Shop
from tests.support.tasks import killed_for
from tools.cluster import Target
from tools.demo.deploy import admin_password, deploy

if TYPE_CHECKING:
    from tests.support.operator import OperatorProcess
    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

ROWS = 200_000
AWAY = {"builtins.ConnectionRefusedError", "builtins.TimeoutError", "builtins.OSError"}
NOWHERE = """
from datetime import UTC, datetime
from shop.models import Order
Order.objects.create(number="N1", customer="Nobody", country="DE", amount=1, placed_at=datetime(2026, 10, 2, tzinfo=UTC))
"""
DRAFTS = """
from shop.models import FileChunk
print(sorted(FileChunk.objects.filter(name__endswith=".draft").values_list("name", flat=True)))
"""
ENQUEUE_LATER = """
from datetime import timedelta
from django.utils import timezone
from shop.mail import send_receipt
print(send_receipt.using(run_after=timezone.now() + timedelta(days=1)).enqueue(9).id)
"""
# In the admin's pod: logs in with the password that comes on stdin, and prints what a page answers.
LOG_IN = """
import re, sys, urllib.parse, urllib.request
site = "http://localhost:8000"
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
form = browser.open(site + "/admin/login/").read().decode()
token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', form)[1]
fields = {"username": "admin", "password": sys.stdin.read().strip(), "csrfmiddlewaretoken": token, "next": "/admin/"}
browser.open(site + "/admin/login/", urllib.parse.urlencode(fields).encode())
for path in sys.argv[1:]:
    answer = browser.open(site + path)
    print(answer.status, answer.url, answer.read().decode())
"""
LEFT = """
from django.contrib.sessions.models import Session
from shop.models import FileChunk, Report
names = FileChunk.objects.values_list("name", flat=True).distinct()
print(Session.objects.count(), Report.objects.count(), sum("old" in name for name in names))
"""


@pytest.fixture(scope="module")
def shop(cluster: Cluster, operator: OperatorProcess, kubectl: Kubectl) -> Shop:
    deploy(kubectl, {target: cluster.image(target) for target in (Target.EXAMPLE, Target.SERVICES)})
    kubectl.manage("demo_data", "--rows", "1000")
    return Shop(kubectl)


def test_a_receipt_arrives_once_however_often_it_is_asked_for(shop: Shop) -> None:
    answers = [shop.request("POST", "/orders/7/receipt/") for _ in range(3)]
    results = [shop.result(answer) for answer in answers]
    assert [result["status"] for result in results] == ["SUCCESSFUL"] * 3
    assert sorted(result["return_value"] for result in results) == [
        "receipt of A00000007 sent",
        "receipt of A00000007 was sent before",
        "receipt of A00000007 was sent before",
    ]
    mail = shop.mail_about("A00000007")
    assert (mail["from"], mail["to"]) == ("shop@example.com", ["customer-7@example.com"])
    assert " ".join(mail["body"].split()) == (
        "Dear Customer 7, thank you for your order A00000007 of 8 August 2026. "
        "Total: 139.93 EUR It is on its way. Your shop"
    )


def test_a_mail_server_that_is_away_delays_the_mail_and_does_not_lose_it(shop: Shop) -> None:
    # As many tries as a new mail server takes on a busy machine.
    policy = {"spec": {"policy": {"maxAttempts": 50, "backoff": {"initialSeconds": 2, "maxSeconds": 5}}}}
    shop.kubectl("patch", "djangotaskqueue", "mail", "--type=merge", "--patch", json.dumps(policy))
    wait_seen(shop.kubectl, "mail")
    shop.kubectl("scale", "deployment/smtp", "--replicas=0")
    shop.kubectl("wait", "pods", "-l", "app=smtp", "--for=delete", f"--timeout={TASK_SECONDS}s", seconds=TASK_SECONDS)
    answer = shop.request("POST", "/orders/8/receipt/")
    shop.wait_for_phase(answer["id"], "Retrying")
    shop.kubectl("scale", "deployment/smtp", "--replicas=1")
    shop.kubectl.roll_out("smtp", seconds=TASK_SECONDS)
    result = shop.result(answer)
    assert result["status"] == "SUCCESSFUL"
    assert result["attempts"] > 1
    # The node may send connections to a pod that is gone, for a moment.
    assert {error["type"] for error in result["errors"]} <= AWAY, result["errors"]
    shop.mail_about("A00000008")


def test_a_large_csv_becomes_a_report_that_is_right_to_the_cent(shop: Shop) -> None:
    export = "".join(orders_csv(ROWS))
    result = shop.result(shop.request("POST", "/reports/", "orders", stdin=export))
    assert (result["status"], result["percent"]) == ("SUCCESSFUL", 100), result
    summary = result["return_value"]
    assert (summary["rows"], summary["bad_rows"]) == (ROWS, ROWS // BAD_EVERY)
    revenue = summary["revenue"]
    found = {(country, month): amount for country in revenue for month, amount in revenue[country].items()}
    assert found == {key: f"{cents // 100}.{cents % 100:02}" for key, cents in cents_of(export).items()}
    # It had this much memory and no more, and was not killed for it.
    pod = shop.kubectl.get("pod", f"{result['id']}-1")
    assert pod["spec"]["containers"][0]["resources"]["limits"]["memory"] == "128Mi"


def test_what_is_no_export_fails_and_says_why(shop: Shop) -> None:
    result = shop.result(shop.request("POST", "/reports/", "orders", stdin="%PDF-1.7\n"))
    assert (result["status"], result["return_value"]) == ("FAILED", None)
    (error,) = result["errors"]
    assert error["type"] == "builtins.ValueError"
    assert "not an export of orders: the header is ['%PDF-1.7']" in error["traceback"]


def test_the_memory_limit_of_the_reports_holds(shop: Shop) -> None:
    id_ = shop.kubectl.manage("enqueue", "shop.probes.allocate", "--queue", "reports").strip()
    shop.wait_for_phase(id_, *TERMINAL_PHASES)
    status = shop.kubectl.get("djangotask", id_)["status"]
    assert (status["phase"], status["reason"]) == ("Failed", killed_for(shop.kubectl, f"{id_}-1"))


def test_the_monthly_report_and_what_happens_when_a_customer_has_no_address(cluster: Cluster, shop: Shop) -> None:
    workflows = plugin(cluster, shop.kubectl.namespace, cluster.kubeconfig)
    good = shop.kubectl.manage("monthly_report", "2026-10").strip()
    watched = workflows("workflows", "watch", good, "--timeout", str(TASK_SECONDS))
    assert watched.code == 0, f"{watched.out}{watched.err}"
    assert "statement  Succeeded  5/5" in watched.out
    assert '"statements":5' in shop.kubectl.get("djangotask", f"{good}-publish")["status"]["result"]
    assert shop.python(DRAFTS).split() == ["[]"]
    assert "Customer 21: 1 orders" in workflows("workflows", "logs", good, "statement[0]").out

    shop.python(NOWHERE)
    bad = shop.kubectl.manage("monthly_report", "2026-10").strip()
    assert workflows("workflows", "watch", bad, "--timeout", str(TASK_SECONDS)).code == 1
    shown = workflows("workflows", "show", bad).out
    assert "statement[5]\n  TaskError: ValueError: Nobody has no e-mail address: N1" in shown
    mail = shop.mail_about("No monthly report for 2026-10")
    assert mail["to"] == ["office@example.com"]
    assert shop.python(DRAFTS).split() == ["[]"]

    # The cause is gone: what succeeded is taken over.
    shop.python("from shop.models import Order; Order.objects.filter(number='N1').update(email='n@example.com')")
    retried = workflows("workflows", "retry", bad).out.split()[-1]
    again = workflows("workflows", "watch", retried, "--timeout", str(TASK_SECONDS))
    assert again.code == 0, f"{again.out}{again.err}"


def test_the_nightly_maintenance_removes_what_is_old_and_nothing_else(cluster: Cluster, shop: Shop) -> None:
    shop.python("from django.contrib.sessions.backends.db import SessionStore; SessionStore().save()")
    sessions, reports, old_files = shop.python(LEFT).split()
    assert (sessions, old_files) == ("51", "1")
    # What the schedule does at night, now.
    ran = plugin(cluster, shop.kubectl.namespace, cluster.kubeconfig)("schedules", "run", "shop-maintenance-clean-up")
    assert (ran.code, ran.err) == (0, "")
    id_ = ran.out.split()[-1]
    shop.wait_for_phase(id_, *TERMINAL_PHASES)
    assert shop.request("GET", f"/results/{id_}/")["return_value"] == {"sessions": 50, "reports": 1}
    assert shop.python(LEFT).split() == ["1", str(int(reports) - 1), "0"]


def test_the_admin_shows_the_tasks_to_who_has_the_password(shop: Shop) -> None:
    """And may do there what the web app may not: it reads the queues, and holds them."""
    tasks, queues = "/admin/django_tasks_kubernetes/task/overview/", "/admin/django_tasks_kubernetes/queue/"
    command = (
        "exec",
        "--stdin",
        "deployment/admin",
        "--",
        "python",
        "-c",
        LOG_IN,
        tasks,
        queues,
        "/static/admin/css/base.css",
    )
    shown = shop.kubectl(*command, stdin=admin_password(shop.kubectl))
    assert f"200 http://localhost:8000{tasks}" in shown
    assert "Pause or limit reports" in shown
    assert "200 http://localhost:8000/static/" in shown


def test_an_order_whose_receipt_is_cancelled_says_so(shop: Shop) -> None:
    """No pod was ever there to tell it. The receiver runs in the web app's image, with its rights."""
    id_ = shop.python(ENQUEUE_LATER).split()[-1]
    shop.kubectl("patch", "djangotask", id_, "--type=merge", "--patch", '{"spec":{"cancel":true}}')
    shop.wait_for_phase(id_, "Cancelled")
    shop.kubectl.manage("watch_tasks", "--once")
    said = shop.python(
        "from shop.models import Order; print([o.receipt_error for o in Order.objects.filter(pk__in=(7, 9)).order_by('pk')])"
    )
    assert "['', 'CancelRequested: Cancelled before it started." in said


@pytest.mark.parametrize(
    ("verb", "group", "resource", "allowed"),
    [
        *((verb, GROUP, TASK_PLURAL, True) for verb in ("create", "get", "list", "watch", "patch")),
        ("delete", GROUP, TASK_PLURAL, False),
        ("patch", GROUP, f"{TASK_PLURAL}/status", False),
        ("patch", GROUP, QUEUE_PLURAL, False),
        ("create", "batch", "jobs", False),
        ("create", "", "pods", False),
        ("get", "", "secrets", False),
    ],
)
def test_the_web_app_may_use_tasks_and_nothing_else(
    shop: Shop, verb: str, group: str, resource: str, allowed: bool
) -> None:
    resource, _, subresource = resource.partition("/")
    namespace = shop.kubectl.namespace
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{namespace}:web",
            "resourceAttributes": {
                "namespace": namespace,
                "verb": verb,
                "group": group,
                "resource": resource,
                "subresource": subresource,
            },
        },
    }
    answer = json.loads(shop.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review)))
    assert answer["status"]["allowed"] is allowed


def cents_of(export: str) -> Counter[tuple[str, str]]:
    """The revenue in whole cents, added up in another way than the shop's."""
    total: Counter[tuple[str, str]] = Counter()
    for line in export.splitlines()[1:]:
        order, *rest = line.split(",")
        if int(order[1:]) % BAD_EVERY:
            day, country, amount = rest
            euros, cents = amount.split(".")
            total[country, day[:7]] += int(euros) * 100 + int(cents)
    return total
