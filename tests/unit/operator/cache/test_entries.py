"""The Jobs and Pods of each task."""

from __future__ import annotations

import pytest

from djangotasks_operator.cache.entries import Entries
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.tombstones import Tombstones
from djangotasks_operator.runtime.watch_monitor import WatchMonitor
from tests.support.builders import NAMESPACE, make_job, make_pod

KEY = Key(NAMESPACE, "receipt")


@pytest.fixture
def changed() -> list[Key]:
    return []


@pytest.fixture
def entries(changed: list[Key]) -> Entries:
    return Entries(WatchMonitor(), Tombstones(), changed.append)


def test_of_two_versions_of_a_pod_the_newer_one_stays(entries: Entries, changed: list[Key]) -> None:
    assert entries.put_pod(make_pod(resource_version="7"))
    assert entries.put_pod(make_pod(resource_version="6")), "older, and not deleted"
    assert [pod.resource_version for pod in entries.pods()] == ["7"]
    assert changed == [KEY]


def test_a_pod_that_was_deleted_stays_away_and_a_job_too(entries: Entries, changed: list[Key]) -> None:
    entries.put_job(make_job())
    entries.drop_pod(make_pod())
    entries.drop_job(make_job())
    assert not entries.put_pod(make_pod(resource_version="9"))
    assert not entries.put_job(make_job(resource_version="9"))
    assert changed == [KEY] * 3


def test_a_task_of_which_nothing_is_left_has_no_entry(entries: Entries) -> None:
    entries.put_job(make_job())
    entries.put_pod(make_pod())
    entries.drop_job(make_job())
    assert list(entries) == [KEY]
    entries.drop_pod(make_pod())
    assert not entries
