"""What the API server's errors mean where holds and schedules are asked for."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.kube.kind_errors import HOLD_ERRORS, SCHEDULE_ERRORS, KindErrors


def refusal(kind: KindErrors) -> str:
    return (
        f'{kind.plural}.djangotasks.dev is forbidden: User "system:serviceaccount:shop:web" cannot create resource '
        f'"{kind.plural}" in API group "djangotasks.dev" in the namespace "shop"'
    )


@pytest.mark.parametrize("kind", [HOLD_ERRORS, SCHEDULE_ERRORS], ids=["holds", "schedules"])
@pytest.mark.parametrize(
    ("status", "message", "details", "expected", "words"),
    [
        (404, "the server could not find the requested resource", {}, "CrdNotInstalled", "kubectl apply -f crds/"),
        (404, "not found", {"kind": "namespaces", "name": "shop"}, None, ""),
        (403, refusal, {}, "PermissionDenied", "--verb=get,list,create,patch,delete"),
        (403, refusal, {}, "PermissionDenied", "--serviceaccount=shop:web"),
        (403, "denied by policy", {}, None, ""),
        (400, "strict decoding error: unknown field", {}, None, ""),
        (500, "oops", {}, None, ""),
    ],
)
def test_error_of_any_kind(
    kind: KindErrors, status: int, message: Any, details: Any, expected: str | None, words: str
) -> None:
    body = {"message": message(kind) if callable(message) else message, "details": details}
    error = kind(status, json.dumps(body).encode(), "shop")
    assert (expected and getattr(exceptions, expected)) == (type(error) if error else None)
    assert words in str(error)


@pytest.mark.parametrize(
    ("kind", "status", "message", "details", "expected", "words"),
    [
        (HOLD_ERRORS, 404, "not found", {"name": "a"}, "HoldDoesNotExist", "'a' in namespace shop is not"),
        (HOLD_ERRORS, 403, refusal(HOLD_ERRORS), {}, "PermissionDenied", "admin.holds=true"),
        (HOLD_ERRORS, 422, "spec: Invalid value", {}, "HoldRefused", "refused the hold (422): spec: Invalid value"),
        (HOLD_ERRORS, 409, "the object has been modified", {}, "HoldRefused", "has changed its hold, just now: the object"),
        (SCHEDULE_ERRORS, 404, "not found", {"name": "a"}, "ScheduleDoesNotExist", "no schedule 'a' in"),
        (SCHEDULE_ERRORS, 403, refusal(SCHEDULE_ERRORS), {}, "PermissionDenied", "to the Job that syncs schedules"),
        (SCHEDULE_ERRORS, 422, "spec: Invalid value", {}, "ScheduleRefused", "refused the schedule (422): spec: Invalid value"),
        (SCHEDULE_ERRORS, 409, "uid differs", {}, "ScheduleRefused", "refused the schedule (409): uid differs"),
    ],
)  # fmt: skip
def test_error_of_one_kind(
    kind: KindErrors, status: int, message: str, details: dict[str, str], expected: str, words: str
) -> None:
    body = {"message": message, "details": details and {"kind": kind.plural} | details}
    error = kind(status, json.dumps(body).encode(), "shop")
    assert type(error) is getattr(exceptions, expected)
    assert words in str(error)
