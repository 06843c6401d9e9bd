"""A pid file means one process, and never a later one with the same pid."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.cluster.native.identity import Identity, descendants, identify, parse, parse_stat

STAT = "4242 (a) b (c) S 17 4242 4242 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0 0"


def test_stat_with_brackets_in_the_name() -> None:
    assert parse_stat(STAT) == ("S", 17, 987654)


def test_pid_file_round_trip() -> None:
    who = Identity(4242, 987654, "boot")
    assert parse(who.dump()) == who


@pytest.mark.parametrize(
    "text", ["", "4242", "{", '{"pid": 4242}', "[1, 2, 3]", '{"pid": null, "start": 1, "boot": ""}']
)
def test_a_broken_pid_file_means_nobody(text: str) -> None:
    assert parse(text) is None


def test_another_process_with_the_same_pid_is_another(tmp_path: Path) -> None:
    stat = tmp_path / "4242" / "stat"
    stat.parent.mkdir()
    stat.write_text(STAT)
    before = identify(4242, proc=tmp_path)
    stat.write_text(STAT.replace("987654", "987655"))
    assert before is not None
    assert identify(4242, proc=tmp_path) not in (None, before)


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_zombie_is_nobody(tmp_path: Path, state: str) -> None:
    (tmp_path / "4242").mkdir()
    (tmp_path / "4242" / "stat").write_text(STAT.replace(") S", f") {state}"))
    assert identify(4242, proc=tmp_path) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_machine() -> None:
    assert identify(os.getpid()) == identify(os.getpid())
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        pid = child.pid
    assert identify(pid) is None


def test_descendants() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1}
    assert descendants({10}, parents) == {10, 11, 12}
    assert descendants(set(), parents) == set()
