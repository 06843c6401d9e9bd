"""Who may do what: each role at each address, with each method."""

import time
from typing import NamedTuple

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from django_tasks_kubernetes.admin import TaskAdmin
from djangotasks_api.task_ids import new_id
from tests.unit.backend.admin.addresses import ADDRESSES, APP, OBJECTS, Address
from tests.unit.backend.admin.conftest import LogIn
from tests.unit.backend.admin.whole_cluster import NAMES, TASKS, WholeCluster
from tests.unit.backend.web_server import Server


class Rule(NamedTuple):
    """What is answered to those who have all the permissions, on a GET and on a POST. Others are refused with 403; with
    405 on a POST to a page that only shows, whatever the permissions.

    `hidden`: on a GET, where the object, or all objects, are of queues that the person may not see."""

    needs: frozenset[str]
    get: int
    post: int
    hidden: int
    post_needs: frozenset[str]


def rule(needs: str, get: int = 200, post: int = 405, *, hidden: int = 404, post_needs: str | None = None) -> Rule:
    post_needs = needs if post_needs is None else post_needs
    return Rule(frozenset(needs.split()), get, post, hidden, frozenset(post_needs.split()))


# Nobody, also no superuser.
NEVER = rule("", 403, 403, hidden=403)
EXPECTED: dict[str, Rule] = {
    # Django's own list: a POST without an action is a GET.
    "task_changelist": rule("view_task", post=200, hidden=200),
    "task_overview": rule("view_task", hidden=200),
    "task_failures": rule("view_task", hidden=200),
    "task_act": rule("view_task", 302, 302, hidden=302, post_needs="view_task change_task"),
    "task_change": rule("view_task"),
    # Django's own, for all methods. Of what is not there, it leads to the index.
    "task_history": rule("view_task", post=200, hidden=302),
    "task_arguments": rule("view_task view_task_data"),
    "task_result": rule("view_task view_task_data"),
    "task_log": rule("view_task view_task_data"),
    "task_cancel": rule("view_task change_task"),
    "task_again": rule("view_task retry_task"),
    "task_delete": rule("view_task delete_task"),
    "task_add": NEVER,
    "queue_changelist": rule("view_queue", hidden=200),
    "queue_change": rule("view_queue"),
    "queue_history": rule("view_queue", post=200, hidden=302),
    "queue_hold": rule("view_queue hold_queue", post=302),
    "queue_release": rule("view_queue hold_queue", post=302),
    "queue_add": NEVER,
    "queue_delete": NEVER,
    "schedule_act": rule("view_schedule", 302, 302, hidden=302, post_needs="view_schedule change_schedule"),
    "schedule_changelist": rule("view_schedule", hidden=200),
    "schedule_change": rule("view_schedule"),
    "schedule_history": rule("view_schedule", post=200, hidden=302),
    "schedule_run": rule("view_schedule run_schedule", post=302),
    "schedule_suspend": rule("view_schedule change_schedule", post=302),
    "schedule_resume": rule("view_schedule change_schedule", post=302),
    "schedule_add": NEVER,
    "schedule_delete": NEVER,
    "workflow_changelist": rule("view_workflow", hidden=200),
    "workflow_change": rule("view_workflow"),
    "workflow_history": rule("view_workflow", post=200, hidden=302),
    "workflow_cancel": rule("view_workflow change_workflow", post=302),
    "workflow_retry": rule("view_workflow retry_workflow", post=302),
    "workflow_add": NEVER,
    "workflow_delete": NEVER,
    # Django's own, and for all methods; the form that asks to act upon a row goes to the list.
    **{
        f"{model}_{page}": one
        for model in ("taskhistory", "outboxtask", "taskend")
        for page, one in {
            "changelist": rule(f"view_{model}", post=200, hidden=200),
            "change": rule(f"view_{model}", post=403, hidden=302),
            "history": rule(f"view_{model}", post=200, hidden=302),
            "act": rule(f"view_{model}", 302, 302, hidden=302, post_needs=f"view_{model} change_{model}"),
            "add": NEVER,
            "delete": NEVER,
        }.items()
    },
    # There is nothing to be done with what is over.
    "taskhistory_act": rule("view_taskhistory", 302, 400, hidden=302),
}
# A permission that gives nothing yet is one that somebody forgot.
PERMISSIONS = sorted({permission for one in EXPECTED.values() for permission in one.needs | one.post_needs})
# Django gives them to each model; no page asks for them.
UNUSED = {"add_task", "delete_workflow", "add_outboxtask", "add_taskend"}
# To discard, which the same form as the other action does.
BY_ACTION = {"delete_outboxtask", "delete_taskend"}
# Answered as a GET: they are Django's.
AS_GET = {name for name, one in EXPECTED.items() if one.post == 200 or (name.endswith("_change") and one.post == 403)}


@pytest.fixture
def whole(whole_server: Server) -> WholeCluster:
    whole_server.answer = made = WholeCluster()
    return made


ACTS = {"schedule": "suspend", "outboxtask": "send", "taskend": "again"}


def form(one: Address) -> dict[str, str]:
    """What all forms together send, as far as it is right: only the person is not."""
    model = one.name.partition("_")[0]
    return {
        "act": ACTS.get(model, "cancel"),
        "pks": OBJECTS[model],
        "nonce": f"{time.time_ns() // 1_000_000}-{'0' * 32}",
        "new_id": new_id(),
        "concurrency": "0",
        "reason": "a test",
        "version": "uid-mail/1",
    }


def answers(client: Client, needed: str = "") -> dict[str, tuple[int, int]]:
    """Of a GET and of a POST, by the address. `needed`: of those alone that need this permission."""
    return {
        one.name: (client.get(one.path).status_code, client.post(one.path, form(one)).status_code)
        for one in ADDRESSES
        if needed in ("", *EXPECTED[one.name].needs, *EXPECTED[one.name].post_needs)
    }


def expected(permissions: set[str] | frozenset[str], needed: str = "") -> dict[str, tuple[int, int]]:
    return {
        name: (
            one.get if one.needs <= permissions else 403,
            one.post if one.post_needs <= permissions or one.post == 405 else 403,
        )
        for name, one in EXPECTED.items()
        if needed in ("", *one.needs, *one.post_needs)
    }


def test_no_page_is_without_a_rule() -> None:
    assert sorted(one.name for one in ADDRESSES) == sorted(EXPECTED)


def test_no_permission_is_without_a_page(db: None) -> None:
    found = Permission.objects.filter(content_type__app_label=APP)
    assert sorted(one.codename for one in found) == sorted([*PERMISSIONS, *UNUSED, *BY_ACTION])


@pytest.mark.thorough
def test_superusers_may_do_all(whole: WholeCluster, admin_client: Client) -> None:
    assert answers(admin_client) == expected(frozenset(PERMISSIONS))
    done = {path.partition("/")[0] for _method, path in whole.changes}
    assert done == {"djangotasks", "djangotaskholds", "djangotaskschedules", "djangotaskworkflows"}


def test_without_a_permission_nothing_is_shown_and_nothing_done(whole: WholeCluster, log_in: LogIn) -> None:
    client = log_in()
    assert answers(client) == expected(set())
    assert whole.changes == []
    assert APP not in client.get("/admin/").text


@pytest.mark.thorough
@pytest.mark.parametrize("permission", PERMISSIONS)
def test_one_permission_alone(whole: WholeCluster, log_in: LogIn, permission: str) -> None:
    """What it gives by itself; and of what needs it with others, that these do not do without it."""
    assert answers(log_in(permission), permission) == expected({permission}, permission)
    others = set(PERMISSIONS) - {permission}
    assert answers(log_in(*others), permission) == expected(others, permission)


@pytest.mark.parametrize("one", ADDRESSES, ids=lambda one: one.name)
def test_exactly_what_a_page_needs(whole: WholeCluster, log_in: LogIn, one: Address) -> None:
    rule = EXPECTED[one.name]
    client = log_in(*rule.needs | rule.post_needs)
    assert (client.get(one.path).status_code, client.post(one.path, form(one)).status_code) == (rule.get, rule.post)


@pytest.mark.parametrize("is_customer", [False, True], ids=["nobody", "a customer"])
def test_who_is_not_of_the_staff_is_asked_to_log_in(whole: WholeCluster, db: None, is_customer: bool) -> None:
    client = Client()
    if is_customer:
        # With permissions that do not count, since the admin is for the staff.
        customer = User.objects.create_user("customer", is_staff=False)
        customer.user_permissions.set(Permission.objects.all())
        client.force_login(customer)
    for one in ADDRESSES:
        for response in (client.get(one.path), client.post(one.path, form(one))):
            assert response.status_code == 302, one.name
            assert response.headers["Location"].startswith("/admin/login/"), one.name
    assert whole.changes == []


@pytest.mark.thorough
def test_of_queues_that_a_person_may_not_see_there_is_nothing(
    whole: WholeCluster, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TaskAdmin, "queues_for", lambda self, request: {"elsewhere"})
    for one in ADDRESSES:
        response = admin_client.get(one.path)
        assert response.status_code == EXPECTED[one.name].hidden, one.name
        posted = admin_client.post(one.path, form(one))
        assert posted.status_code in (EXPECTED[one.name].hidden, EXPECTED[one.name].post, 302), one.name
        for words in ("shop.", "KeyError", "prices are wrong"):
            assert words not in response.text + posted.text, one.name
    assert whole.changes == []


@pytest.mark.thorough
@pytest.mark.parametrize("method", ["delete", "put", "patch", "options", "trace"])
def test_other_methods_do_nothing(whole: WholeCluster, admin_client: Client, method: str) -> None:
    for one in ADDRESSES:
        found = getattr(admin_client, method)(one.path).status_code
        assert found == (EXPECTED[one.name].get if EXPECTED[one.name] is NEVER or one.name in AS_GET else 405), one.name
    assert whole.changes == []


@pytest.mark.thorough
def test_a_head_is_a_get_without_a_body(whole: WholeCluster, admin_client: Client) -> None:
    for one in ADDRESSES:
        response = admin_client.head(one.path)
        assert (response.status_code, response.content) == (EXPECTED[one.name].get, b""), one.name
    assert whole.changes == []


def test_a_forged_post_is_refused(whole: WholeCluster, admin_client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin_client.cookies
    for one in ADDRESSES:
        assert strict.post(one.path, form(one)).status_code == 403, one.name
    assert whole.changes == []


def test_the_short_address_of_an_object_leads_to_its_page(whole: WholeCluster, log_in: LogIn) -> None:
    address = f"/admin/{APP}/task/{NAMES[TASKS]}/"
    assert Client().get(address).headers["Location"].startswith("/admin/login/")
    assert log_in().get(address, follow=True).status_code == 403
