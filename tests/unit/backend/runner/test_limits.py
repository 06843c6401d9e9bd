"""Which return values are none, and which are too large."""

import pytest

from django_tasks_kubernetes import exceptions
from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.phases import Reason
from tests.unit.backend import tasks
from tests.unit.backend.runner.test_execute import run


@pytest.mark.parametrize("kind", ["generator", "coroutine"])
def test_return_value_that_was_never_run_fails(kind: str) -> None:
    _, outcome = run(tasks.returns, kind)
    assert (outcome.reason, outcome.retryable) == (Reason.RESULT_NOT_SERIALIZABLE, False)
    assert f"The task returned a {kind}" in outcome.error.message


def test_result_that_etcd_would_not_take_is_too_large() -> None:
    """Go writes < as six bytes: 512 KiB of it would be 3 MiB."""
    _, outcome = run(tasks.returns_text, 120_000, "<")
    assert outcome.succeeded
    _, outcome = run(tasks.returns_text, 140_000, "<")
    assert (outcome.reason, outcome.retryable) == (Reason.RESULT_TOO_LARGE, False)
    assert "The API server would store 840,004, since it writes <, > and & as six bytes" in outcome.error.message
    _, outcome = run(tasks.returns_text, 200_000, '"')
    assert outcome.reason == Reason.RESULT_TOO_LARGE


def test_result_size_is_bounded() -> None:
    _, outcome = run(tasks.returns_text, RESULT_MAX_BYTES - 2)
    assert len(outcome.result) == RESULT_MAX_BYTES
    _, outcome = run(tasks.returns_text, RESULT_MAX_BYTES - 1)
    assert (outcome.reason, outcome.retryable) == (Reason.RESULT_TOO_LARGE, False)
    assert outcome.error.type == f"{exceptions.ResultTooLarge.__module__}.ResultTooLarge"
    assert "takes 524,289 bytes as JSON. 524,288 are allowed." in outcome.error.traceback
