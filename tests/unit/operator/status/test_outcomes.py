"""Outcomes that the operator makes of others."""

from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Reason
from djangotasks_operator.status.outcomes import result_too_large


def test_a_result_that_cannot_be_stored_is_a_failure_that_is_not_repeated() -> None:
    success = Outcome(started_at=None, finished_at="2026-11-23T12:00:00+00:00", result="[]")
    failure = result_too_large(success)
    assert (failure.succeeded, failure.result, failure.retryable) == (False, None, False)
    assert failure.reason == Reason.RESULT_TOO_LARGE
    assert failure.error is not None
    assert "OPTIONS['STORAGE']" in failure.error.headline
    assert failure.finished_at == success.finished_at
