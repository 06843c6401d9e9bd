"""What the API server's errors mean where schedules are asked for."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.kube.schedule_errors import schedule_error

REFUSAL = (
    'djangotaskschedules.djangotasks.dev is forbidden: User "system:serviceaccount:shop:web" cannot patch resource '
    '"djangotaskschedules" in API group "djangotasks.dev" in the namespace "shop"'
)


@pytest.mark.parametrize(
    ("status", "message", "details", "expected", "words"),
    [
        (404, "not found", {"kind": "djangotaskschedules", "name": "a"}, "ScheduleDoesNotExist", "no schedule 'a' in"),
        (404, "the server could not find the requested resource", {}, "CrdNotInstalled", "kubectl apply -f crds/"),
        (404, "not found", {"kind": "namespaces", "name": "shop"}, None, ""),
        (403, REFUSAL, {}, "PermissionDenied", "--verb=get,list,create,patch,delete"),
        (403, REFUSAL, {}, "PermissionDenied", "--serviceaccount=shop:web"),
        (403, "denied by policy", {}, None, ""),
        (422, "spec: Invalid value", {}, "ScheduleRefused", "refused the schedule (422): spec: Invalid value"),
        (409, "uid differs", {}, "ScheduleRefused", "uid differs"),
        (400, "strict decoding error: unknown field", {}, None, ""),
        (500, "oops", {}, None, ""),
    ],
)
def test_error(status: int, message: str, details: Any, expected: str | None, words: str) -> None:
    error = schedule_error(status, json.dumps({"message": message, "details": details}).encode(), "shop")
    assert (expected and getattr(exceptions, expected)) == (type(error) if error else None)
    assert words in str(error)
