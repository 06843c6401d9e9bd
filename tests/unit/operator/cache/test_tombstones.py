"""Deleted objects are remembered for a while."""

from __future__ import annotations

from djangotasks_operator.cache.tombstones import Tombstones


def test_a_deleted_object_is_remembered_until_others_follow() -> None:
    tombstones = Tombstones(most=2)
    for uid in "abc":
        tombstones.add(uid)
    assert [uid in tombstones for uid in "abc"] == [False, True, True]


def test_an_answer_from_after_the_deletion_refutes_it() -> None:
    tombstones = Tombstones()
    asked_before = tombstones.count
    tombstones.add("a")
    assert not tombstones.refute("a", asked_before)
    assert "a" in tombstones
    assert tombstones.refute("a", tombstones.count)
    assert "a" not in tombstones
