"""Finished workflows beyond their queue's history limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from djangotasks_operator.cache.queue_index import HistoryLimits
from djangotasks_operator.cache.workflow_history import WorkflowHistory

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def test_the_oldest_of_each_kind_are_surplus() -> None:
    limits = {"q": HistoryLimits(succeeded=1, failed=0)}
    history: WorkflowHistory[str, str] = WorkflowHistory(lambda queue: limits[queue])
    assert history.put("a", "q", NOW, succeeded=True) == []
    assert history.put("b", "q", NOW + timedelta(1), succeeded=True) == ["a"]
    assert history.put("c", "q", NOW, succeeded=False) == ["c"]
    assert [history.is_surplus(name, "q") for name in "abc"] == [True, False, True]
    # Of a later version nothing is counted twice.
    assert history.put("b", "q", NOW + timedelta(1), succeeded=True) == []
    limits["q"] = HistoryLimits(succeeded=0, failed=5)
    assert history.apply_limits("q") == ["b"]
    assert not history.is_surplus("c", "q")
    for name in "abc":
        history.drop(name, "q")
    assert not history.is_surplus("a", "q")
