"""What the API server's errors mean where holds are asked for."""

import json
from typing import Any

import pytest

from django_tasks_kubernetes import exceptions
from django_tasks_kubernetes.kube.hold_errors import hold_error

REFUSAL = (
    'djangotaskholds.djangotasks.dev is forbidden: User "system:serviceaccount:shop:web" cannot create resource '
    '"djangotaskholds" in API group "djangotasks.dev" in the namespace "shop"'
)


@pytest.mark.parametrize(
    ("status", "message", "details", "expected", "words"),
    [
        (
            404,
            "not found",
            {"kind": "djangotaskholds", "name": "a"},
            "HoldDoesNotExist",
            "'a' in namespace shop is not",
        ),
        (404, "the server could not find the requested resource", {}, "CrdNotInstalled", "kubectl apply -f crds/"),
        (404, "not found", {"kind": "namespaces", "name": "shop"}, None, ""),
        (403, REFUSAL, {}, "PermissionDenied", "admin.holds=true"),
        (403, REFUSAL, {}, "PermissionDenied", "--serviceaccount=shop:web"),
        (403, "denied by policy", {}, None, ""),
        (422, "spec: Invalid value", {}, "HoldRefused", "refused the hold (422): spec: Invalid value"),
        (409, "the object has been modified", {}, "HoldRefused", "has changed its hold, just now: the object"),
        (400, "strict decoding error: unknown field", {}, None, ""),
        (500, "oops", {}, None, ""),
    ],
)
def test_error(status: int, message: str, details: Any, expected: str | None, words: str) -> None:
    error = hold_error(status, json.dumps({"message": message, "details": details}).encode(), "shop")
    assert (expected and getattr(exceptions, expected)) == (type(error) if error else None)
    assert words in str(error)
