"""CPU time by process."""

import os

import pytest

from benchmarks.cpu_parts import MS_PER_TICK, CpuParts, Seen, by_part, parsed, part_of, read

STAT = "42 (runc:[2:INIT) x) S 7 42 42 0 -1 4194560 100 200 0 0 {utime} {stime} 900 900 20 0 1 0 12345 1 1"


def seen(name: str, ticks: int = 0, parent: int = 1, *, is_new: bool = False) -> Seen:
    return Seen(name, parent, ticks, is_new)


def test_line_of_a_process_whose_name_has_brackets() -> None:
    assert parsed(STAT.format(utime=30, stime=12), is_new=True) == Seen("runc:[2:INIT) x", 7, 42, True)


@pytest.mark.parametrize(
    ("process", "part"),
    [
        (seen("containerd-shim"), "shims"),
        (seen("containerd"), "containerd"),
        (seen("kube-controller"), "controllers"),
        (seen("djangotasks-ope"), "operator"),
        (seen("python", is_new=True), "python in pods"),
        (seen("python"), "others"),
        (seen("git", parent=99), "this benchmark"),
        (seen("kworker/0:1", parent=2), "kernel threads"),
    ],
)
def test_part_of_a_process(process: Seen, part: str) -> None:
    assert part_of(50, process, this=99) == part


def test_parts_are_what_was_used_meanwhile() -> None:
    before = {10: seen("kubelet", 100), 11: seen("etcd", 50), 12: seen("bash", 5), 13: None}
    after = {10: seen("kubelet", 130), 12: seen("etcd", 70), 13: seen("etcd", 9)}
    new = {20: seen("python3.13", 40, is_new=True), 21: seen("python3.13", 2, is_new=True)}
    parts = by_part(before, after, new, this=99, total=100 * MS_PER_TICK)
    assert {name: ms / MS_PER_TICK for name, ms in parts.items()} == {"kubelet": 30, "python in pods": 42, "unseen": 28}


def test_this_process_is_found() -> None:
    process = read(os.getpid(), is_new=False)
    assert process is not None
    assert part_of(os.getpid(), process, os.getpid()) == "this benchmark"


def test_intervals_are_added_and_shared() -> None:
    counted = CpuParts()
    counted.parts |= {"etcd": 10.0, "kubelet": 30.0}
    assert list(counted.each(10).items()) == [("kubelet", 3.0), ("etcd", 1.0)]
