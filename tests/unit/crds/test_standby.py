"""What a standby pod is started with survives its environment."""

from __future__ import annotations

import pytest

from djangotasks_api.standby import HOLD_SECONDS, StandbyAccess

ACCESS = StandbyAccess(
    url="http://10.0.0.1:80", namespace="shop", pod="default-0123456789", queue_uid="u", preload=("shop.tasks",)
)


def test_it_survives_as_json() -> None:
    assert StandbyAccess.from_json(ACCESS.to_json()) == ACCESS
    assert StandbyAccess.from_json(ACCESS.to_json()[:-1] + ',"later":1}') == ACCESS, "images outlive operators"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"url":1}'])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        StandbyAccess.from_json(text)


def test_it_is_answered_before_its_connection_is_closed() -> None:
    from djangotasks_operator.runtime.http_server import CONNECTION_SECONDS

    assert HOLD_SECONDS < CONNECTION_SECONDS
