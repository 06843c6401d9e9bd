"""Errors of the API server, and what they are taken for."""

from __future__ import annotations

import pytest

from djangotasks_operator.runtime.errors import ApiError


def test_an_error_that_is_logged_quotes_no_value() -> None:
    cause = {"field": "status.message", "reason": "FieldValueTooLong", "message": "Too long: 4242"}
    body = {"reason": "Invalid", "message": 'status.message: Invalid value: "4242"', "details": {"causes": [cause]}}
    error = ApiError(422, body)
    assert str(error) == "422 Invalid: status.message (FieldValueTooLong)"
    assert "4242" in error.message, "for the task's own status"
    assert str(ApiError(422, {})) == "422 : "
    assert str(ApiError(403, {"reason": "Forbidden", "message": "no right"})) == "403 Forbidden: no right"


TASK = 'djangotasks.djangotasks.dev "receipt"'
POLICY = "ValidatingAdmissionPolicy 'freeze' with binding 'all'"
NO_FIELD = {"causes": [{"message": "quoted"}]}
FIELD = {"causes": [{"field": "status.message", "reason": "FieldValueInvalid"}]}


@pytest.mark.parametrize(
    ("status", "message", "details", "logged"),
    [
        (422, f"{TASK} is forbidden: {POLICY} denied request: quoted", NO_FIELD, f"422 : denied by {POLICY}"),
        (422, f"{TASK} is forbidden: {POLICY} denied request: quoted", {}, f"422 : denied by {POLICY}"),
        (422, 'admission webhook "freeze" denied the request: quoted', {}, '422 : denied by admission webhook "freeze"'),
        (400, 'admission webhook "freeze" denied the request: no', {}, '400 : admission webhook "freeze" denied the request: no'),
        (500, 'Internal error occurred: failed calling webhook "freeze": no endpoints', {}, None),
    ],
)  # fmt: skip
def test_what_admission_denies_may_be_taken_later(
    status: int, message: str, details: dict[str, object], logged: str | None
) -> None:
    """Policies and webhooks change, and are wrong for a minute."""
    error = ApiError(status, {"message": message, "details": details})
    assert (error.of_admission, error.invalid) == (True, False)
    assert logged is None or str(error) == logged


@pytest.mark.parametrize(
    ("status", "message", "details"),
    [
        (422, f'{TASK} is invalid: status.message: Invalid value: "{POLICY}"', FIELD),
        (422, f"{TASK} is invalid", {}),
        (400, "json: cannot unmarshal string", {}),
        (413, "Request entity too large: limit is 3145728", {}),
        (500, "etcdserver: request is too large", {}),
    ],
)
def test_what_the_api_server_itself_refuses_is_never_taken(
    status: int, message: str, details: dict[str, object]
) -> None:
    """Whatever words of a user it quotes."""
    error = ApiError(status, {"message": message, "details": details})
    assert (error.of_admission, error.invalid) == (False, True)


@pytest.mark.parametrize(
    ("body", "gone"),
    [
        ({"reason": "NotFound", "message": f"{TASK} not found", "details": {"name": "receipt"}}, True),
        ({"message": "404 page not found"}, False),
        ({"message": "default backend - 404"}, False),
        ({}, False),
    ],
)
def test_not_every_404_says_that_an_object_is_gone(body: dict[str, object], gone: bool) -> None:
    """An API server that does not serve the kind yet, and proxies, say it in text."""
    error = ApiError(404, body)
    assert (error.not_found, error.stale_or_gone) == (gone, gone)
