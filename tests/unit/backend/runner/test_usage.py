"""What a container has used: from the files of its cgroup, or from the kernel's account of its processes."""

from pathlib import Path

import pytest

from django_tasks_kubernetes.runner import usage
from django_tasks_kubernetes.runner.usage import measured
from djangotasks_api.usage import Usage

CPU_STAT = "usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n"
V2 = {"cgroup.type": "domain\n", "memory.peak": "104857600\n", "memory.max": "max\n", "cpu.stat": CPU_STAT}
V1 = {
    "memory/memory.max_usage_in_bytes": "104857600\n",
    # No limit.
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "cpuacct/cpuacct.usage": "2500000000\n",
}
OWN = Usage(memory_bytes=111, cpu_seconds=0.5)


@pytest.mark.parametrize(
    ("files", "memory", "cpu"),
    [
        (V2, 104857600, 2.5),
        (V1, 104857600, 2.5),
        # Linux before 5.19.
        ({name: text for name, text in V2.items() if name != "memory.peak"}, OWN.memory_bytes, 2.5),
        # The root of the hierarchy has the whole machine's.
        ({name: text for name, text in V2.items() if name != "cgroup.type"}, OWN.memory_bytes, OWN.cpu_seconds),
        (V1 | {"memory/release_agent": "", "cpuacct/release_agent": ""}, OWN.memory_bytes, OWN.cpu_seconds),
        # One file that is no number, and a controller that is not there.
        (V2 | {"memory.peak": "max\n", "cpu.stat": "nr_periods 0\n"}, OWN.memory_bytes, OWN.cpu_seconds),
        ({"memory/memory.max_usage_in_bytes": "104857600\n"}, 104857600, OWN.cpu_seconds),
        ({}, OWN.memory_bytes, OWN.cpu_seconds),
    ],
)
def test_files_of_a_cgroup(
    files: dict[str, str], memory: int, cpu: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "of_processes", lambda: (OWN.memory_bytes, OWN.cpu_seconds))
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert measured(tmp_path) == Usage(memory_bytes=memory, cpu_seconds=cpu)


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        (V2 | {"memory.max": "268435456\n"}, 2**28),
        (V1 | {"memory/memory.limit_in_bytes": "268435456\n"}, 2**28),
        (V2, None),
        (V1, None),
        # Of the whole machine.
        ({"memory.max": "268435456\n"}, None),
        (V1 | {"memory/memory.limit_in_bytes": "268435456\n", "memory/release_agent": ""}, None),
        ({}, None),
    ],
)
def test_a_limit(files: dict[str, str], limit: int | None, tmp_path: Path) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert measured(tmp_path).memory_limit_bytes == limit


def test_processes_have_used_something() -> None:
    memory, cpu = usage.of_processes()
    assert memory is not None
    assert memory > 2**20
    assert cpu is not None
    assert cpu > 0
