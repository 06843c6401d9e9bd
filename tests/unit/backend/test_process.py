"""The runner as a process of its own: what only a real process can show. All start together, for they are slow."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from djangotasks_api.phases import Reason
from tests.unit.backend.conftest import serve
from tests.unit.backend.pod import Pod

ROOT = Path(__file__).parents[3]
RUNNER = ("-m", "django_tasks_kubernetes.runner")
# The same with less patience for what a task left behind.
IMPATIENT = (
    "-c",
    "import runpy; from django_tasks_kubernetes.runner import process; process.GRACE_SECONDS = 0.2; "
    "runpy.run_module('django_tasks_kubernetes.runner', run_name='__main__')",
)
CASES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "echo": (RUNNER, {}),
    "sleeps": (RUNNER, {}),
    "heavy_modules": (RUNNER, {}),
    "os_exits": (RUNNER, {}),
    "leaves_a_thread": (IMPATIENT, {}),
    "fails": (RUNNER, {"DJANGO_SETTINGS_MODULE": ""}),
}


@dataclass
class Runner:
    pod: Pod
    process: subprocess.Popen[str]
    stdout: str = ""
    stderr: str = ""

    def end(self) -> int:
        """Waits for the end, and gives the exit code."""
        self.stdout, self.stderr = self.process.communicate(timeout=30)
        return self.process.returncode


@pytest.fixture(scope="module")
def runners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Runner]]:
    with ExitStack() as stack:
        made = {}
        for task, (argv, env) in CASES.items():
            pod = Pod(stack.enter_context(serve()), tmp_path_factory.mktemp(task))
            environ = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
            environ |= {"PYTHONWARNINGS": "error"} | pod.environ(task, (7,) if task in ("os_exits", "echo") else ())
            process = subprocess.Popen(
                [sys.executable, *argv],
                cwd=ROOT,
                env=environ | env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            made[task] = Runner(pod, process)
        yield made


def test_a_success(runners: dict[str, Runner]) -> None:
    runner = runners["echo"]
    assert runner.end() == 0
    assert runner.pod.outcome.result == '{"args":[7],"kwargs":{}}'
    assert (runner.stdout, runner.stderr) == ("", "")


def test_a_task_pod_imports_nothing_heavy(runners: dict[str, Runner]) -> None:
    runner = runners["heavy_modules"]
    assert runner.end() == 0
    # ssl comes with Django's own imports of asyncio.
    assert runner.pod.outcome.result in ("[]", '["ssl"]')


def test_os_exit_is_seen_by_its_code_alone(runners: dict[str, Runner]) -> None:
    runner = runners["os_exits"]
    assert runner.end() == 7
    assert runner.pod.reports("outcome") == []
    assert runner.pod.message == ""


def test_without_settings(runners: dict[str, Runner]) -> None:
    runner = runners["fails"]
    assert runner.end() == 1
    outcome = runner.pod.outcome
    assert (outcome.reason, outcome.retryable) == (Reason.SETUP_ERROR, True)
    assert outcome.error is not None
    assert "Set DJANGO_SETTINGS_MODULE in the image" in outcome.error.traceback


def test_threads_that_a_task_leaves_behind(runners: dict[str, Runner]) -> None:
    runner = runners["leaves_a_thread"]
    assert runner.end() == 0
    assert runner.pod.outcome.result == '"done"'
    assert "left-behind" in runner.stderr


def test_sigterm_reaches_the_task_and_its_children(runners: dict[str, Runner]) -> None:
    runner = runners["sleeps"]
    assert runner.process.stdout is not None
    assert runner.process.stdout.readline() == "running\n"
    runner.process.send_signal(signal.SIGTERM)
    assert runner.end() == 143
    assert runner.stdout == "cleaned up -15\n"
    assert "Ended by SIGTERM" in runner.stderr
    assert runner.pod.reports("outcome") == []
    assert runner.pod.message == ""
