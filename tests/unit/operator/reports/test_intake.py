"""How much of reports is taken in at once."""

from __future__ import annotations

import contextlib

import pytest
from aiohttp import web

from djangotasks_api.bounds import REPORT_MAX_BYTES
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports import intake
from djangotasks_operator.reports.authentication import AttemptRef


def ref(namespace: str, number: int) -> AttemptRef:
    return AttemptRef(Key(namespace, "a"), f"uid-{number}", 1)


def test_the_bytes_of_reports_are_bounded_and_a_namespace_has_a_share_of_them() -> None:
    """Counted, not timed: whatever others send, a neighbour's ordinary outcome is admitted."""
    limits, most = intake.ReportLimits(), REPORT_MAX_BYTES
    with contextlib.ExitStack() as stack:
        admitted = {"hostile": 0, "second": 0, "third": 0}
        for namespace in admitted:
            with contextlib.suppress(web.HTTPServiceUnavailable):
                for number in range(1000):
                    stack.enter_context(limits.admit("outcome", ref(namespace, number), most))
                    admitted[namespace] += 1
        assert admitted["hostile"] == intake.NAMESPACE_MAX_BYTES // most
        assert sum(admitted.values()) * most <= intake.BODIES_MAX_BYTES
        assert admitted["second"] > 0
        stack.enter_context(limits.admit("outcome", ref("hostile", 5000), intake.SMALL_BYTES))
    with limits.admit("outcome", ref("third", 6000), most):
        pass


@pytest.mark.parametrize("kind", ["started", "progress", "outcome"])
def test_an_invented_name_has_no_measure_of_its_own(kind: str) -> None:
    limits, taken = intake.ReportLimits(), 0
    for number in range(1000):
        invented = ref("shop", 1)._replace(task=Key("shop", f"invented-{number}"))
        with contextlib.suppress(web.HTTPTooManyRequests), limits.admit(kind, invented, 10):
            taken += 1
    assert taken <= intake.BURST + 1


def test_an_invented_name_is_no_second_report_in_flight() -> None:
    limits, attempt = intake.ReportLimits(), ref("shop", 1)
    with (
        limits.admit("outcome", attempt, 10),
        pytest.raises(web.HTTPTooManyRequests),
        limits.admit("outcome", attempt._replace(task=Key("shop", "invented")), 10),
    ):
        pass


def test_large_reports_are_fewer() -> None:
    limits = intake.ReportLimits()
    attempt = ref("shop", 1)

    def send() -> None:
        with limits.admit("outcome", attempt, REPORT_MAX_BYTES):
            pass

    for _ in range(intake.BURST // (1 + REPORT_MAX_BYTES // intake.CHARGED_BYTES)):
        send()
    with pytest.raises(web.HTTPTooManyRequests) as error:
        send()
    assert int(error.value.headers["Retry-After"]) > 1
