"""`make run-operator`: what CONTRIBUTING says of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.operator import free_port
from tools.cluster import ROOT
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.kubectl import Kubectl

SECONDS = 240
READY = "reports are accepted at"


@pytest.fixture
def log(kubectl: Kubectl, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "log"
    command = [
        sys.executable,
        "-m",
        "tools.run_operator",
        "--namespace",
        kubectl.namespace,
        "--port",
        str(free_port()),
        "--health-port",
        str(free_port()),
    ]
    with path.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, start_new_session=True)
    yield path
    try:
        # As Ctrl-C does.
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(SECONDS) == 0, path.read_text()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_it_runs_what_its_hint_enqueues_and_reloads(log: Path, kubectl: Kubectl) -> None:
    wait_until_ready(log, times=1)
    hint = re.search(r"<<EOF\n(.*?)EOF", log.read_text(), re.DOTALL)
    assert hint is not None
    name = kubectl("create", "-o", "name", "-f", "-", stdin=hint[1]).strip()
    kubectl("wait", "--for=condition=Complete", name, f"--timeout={SECONDS}s", seconds=SECONDS + 10)

    os.utime(ROOT / "operator" / "src" / "djangotasks_operator" / "config.py")
    wait_until_ready(log, times=2)
    assert "reload: config.py" in log.read_text()


def wait_until_ready(log: Path, *, times: int) -> None:
    def ready() -> bool | None:
        return True if log.read_text().count(READY) >= times else None

    wait_for(f"the operator is ready {times} times", ready, seconds=SECONDS, why=log.read_text)
