"""Errors of the API server, and what they are taken for."""

from __future__ import annotations

from djangotasks_operator.runtime.errors import ApiError


def test_an_error_that_is_logged_quotes_no_value() -> None:
    cause = {"field": "status.message", "reason": "FieldValueTooLong", "message": "Too long: 4242"}
    body = {"reason": "Invalid", "message": 'status.message: Invalid value: "4242"', "details": {"causes": [cause]}}
    error = ApiError(422, body)
    assert str(error) == "422 Invalid: status.message (FieldValueTooLong)"
    assert "4242" in error.message, "for the task's own status"
    assert str(ApiError(422, {})) == "422 : "
    assert str(ApiError(403, {"reason": "Forbidden", "message": "no right"})) == "403 Forbidden: no right"
