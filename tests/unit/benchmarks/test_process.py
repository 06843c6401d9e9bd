from __future__ import annotations

import pytest

from tests.benchmarks.process import Usage, core_share, cpu_per_task, cpu_ticks, memory_of


def usage(at: float, cpu: float) -> Usage:
    return Usage(at, cpu, 80.0, 90.0)


def test_ticks_are_read_after_a_name_with_brackets() -> None:
    assert cpu_ticks("7 (a (b) c) S 1 7 7 0 -1 0 0 0 0 0 250 50 9 9 20 0 1 0 0") == 300


def test_memory_is_in_mib() -> None:
    assert memory_of("Name:\toperator\nVmHWM:\t  204800 kB\nVmRSS:\t  102400 kB\n") == {"VmHWM": 200, "VmRSS": 100}


def test_cpu_of_a_task_is_without_the_idle_part() -> None:
    assert cpu_per_task(usage(0, 1), usage(10, 4), idle_share=0.1, tasks=200) == pytest.approx(10)
    assert core_share(usage(0, 1), usage(10, 4)) == pytest.approx(0.3)
