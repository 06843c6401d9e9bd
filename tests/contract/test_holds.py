"""A DjangoTaskHold, as the API server checks, keeps and shows it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api import bounds
from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS
from djangotasks_api.models import DjangoTaskHold, DjangoTaskQueue
from djangotasks_api.names import HOLD_KIND, QUEUE_KIND
from tests.contract.bounds import Case, cases, put
from tests.contract.server import Refused, Server, hold, is_accepted, queue
from tests.contract.test_agreement import around, model_accepts, server_accepts, times, words
from tools.kubectl import Kubectl

UNTIL = "2126-11-23T18:00:00Z"


@pytest.mark.parametrize("case", cases(DjangoTaskHold, "spec"), ids=str)
def test_values_of_a_holds_spec(server: Server, case: Case) -> None:
    body = put(hold(), case.path, case.value, DjangoTaskHold)
    assert is_accepted(lambda: server.create(body, dry_run=True)) is case.accepted


@pytest.fixture(scope="module")
def idle(server: Server) -> str:
    server.create(queue("idle"))
    return "idle"


@pytest.mark.parametrize(
    "case", [case for case in cases(DjangoTaskQueue, "status") if case.path[1:2] == ("held",)], ids=str
)
def test_values_of_what_a_queue_says_of_its_hold(server: Server, idle: str, case: Case) -> None:
    status = put({}, case.path, case.value, DjangoTaskQueue)["status"]
    assert is_accepted(lambda: server.patch_status(idle, status, kind=QUEUE_KIND, dry_run=True)) is case.accepted


holds = st.fixed_dictionaries(
    {},
    optional={
        "concurrency": around(bounds.HOLD_CONCURRENCY, whole=True),
        "by": st.one_of(st.just("jane"), words),
        "reason": words,
        "until": st.one_of(st.just(UNTIL), times),
    },
)


@given(spec=holds)
def test_the_model_and_the_server_agree_on_a_hold(server: Server, spec: dict[str, Any]) -> None:
    body = hold("sample") | {"spec": spec}
    assert server_accepts(server, body) is model_accepts(DjangoTaskHold, body)


def test_a_hold_pauses_where_it_does_not_say_how_many(server: Server) -> None:
    assert server.create(hold(), dry_run=True)["spec"] == {"concurrency": 0, "by": "jane", "reason": ""}


def test_a_hold_says_who(server: Server) -> None:
    body = hold()
    del body["spec"]["by"]
    with pytest.raises(Refused, match=r"spec\.by: Required"):
        server.create(body, dry_run=True)


def test_it_has_the_name_of_a_queue(server: Server) -> None:
    server.create(hold("q" * DNS_LABEL_MAX_CHARS), dry_run=True)
    for name in ("q" * (DNS_LABEL_MAX_CHARS + 1), "shop.reports"):
        with pytest.raises(Refused, match="the name of a hold is the name of the queue that it holds"):
            server.create(hold(name), dry_run=True)


@pytest.mark.parametrize("until", ["1000-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999Z", None])
def test_all_of_a_hold_can_be_changed(server: Server, until: str | None) -> None:
    """By who replaces it: it is never away meanwhile."""
    name = f"changing-{until is None}-{(until or '')[:1]}".lower().rstrip("-")
    server.create(hold(name, until=UNTIL))
    changed = server.patch(HOLD_KIND, name, {"spec": {"concurrency": 2, "until": until, "by": "joe", "reason": "x"}})
    assert changed["spec"]["by"] == "joe"
    again = server.patch(HOLD_KIND, name, {"spec": {"concurrency": 0}})
    assert again["spec"]["concurrency"] == 0


def test_two_people_see_each_other(server: Server) -> None:
    server.create(hold("contended"))
    with pytest.raises(Refused, match="already exists"):
        server.create(hold("contended", by="joe"))


def test_columns_of_a_hold(server: Server, kubectl: Kubectl) -> None:
    """UNTIL is text: kubectl shows a date that is to come as <invalid>."""
    server.create(hold("shown", concurrency=2, until=UNTIL, reason="prices are wrong"))
    header, row = (re.split(r"\s{2,}", line.strip()) for line in kubectl("get", "dth", "shown").splitlines())
    assert header == ["NAME", "CONCURRENCY", "UNTIL", "BY", "REASON", "AGE"]
    assert row[:-1] == ["shown", "2", UNTIL, "jane", "prices are wrong"]


def test_a_queue_shows_how_it_is_held(server: Server, kubectl: Kubectl) -> None:
    server.create(queue("held"))
    status = {"held": {"concurrency": 0, "by": "jane", "until": UNTIL}}
    server.patch_status("held", status, kind=QUEUE_KIND)
    header, row = (line.split() for line in kubectl("get", "dtq", "held", "-o", "wide").splitlines())
    assert [name for name in header if name.startswith("HELD")] == ["HELD", "HELD-BY", "HELD-UNTIL"]
    assert {"0", "jane", UNTIL} <= set(row)
