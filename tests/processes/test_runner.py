"""The runner: all processes start together, for they are slow."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from djangotasks_api.phases import Reason
from tests.unit.backend.pod import Pod
from tests.unit.backend.web_server import serve

ROOT = Path(__file__).parents[2]
HERE = "tests.processes.tasks"
RUNNER = ("-m", "django_tasks_kubernetes.runner")
# The same with less patience for what a task left behind.
IMPATIENT = (
    "-c",
    "import runpy; from django_tasks_kubernetes.runner import process; process.GRACE_SECONDS = 0.2; "
    "runpy.run_module('django_tasks_kubernetes.runner', run_name='__main__')",
)
# The runner as if it were PID 1: orphans come to this process (PR_SET_CHILD_SUBREAPER of prctl(2)).
AS_PID_1 = (
    "-c",
    "import ctypes, os, runpy; from django_tasks_kubernetes.runner import init; init.PID_1 = os.getpid(); "
    "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); "
    "runpy.run_module('django_tasks_kubernetes.runner', run_name='__main__')",
)


@dataclass(frozen=True)
class Case:
    task: str
    args: tuple[Any, ...] = ()
    argv: tuple[str, ...] = RUNNER
    env: dict[str, str] = field(default_factory=dict)
    module: str = HERE


CASES = {
    "sleeps": Case("sleeps"),
    "sleeps below an init process, in an image with STOPSIGNAL SIGINT": Case("sleeps"),
    "sleeps below an init process, in an image with STOPSIGNAL SIGQUIT": Case("sleeps"),
    "heavy_modules": Case("heavy_modules"),
    "collector": Case("collector"),
    "collector of Python": Case("collector", env={"DJANGOTASKS_GC": "default"}),
    "no bytecode": Case("fails", env={"DJANGO_SETTINGS_MODULE": "", "PYTHONPYCACHEPREFIX": "/dev/null/nowhere"}),
    "os_exits": Case("os_exits", (7,)),
    "leaves_a_thread": Case("leaves_a_thread", argv=IMPATIENT),
    "fails": Case("fails"),
    "uses up files": Case("uses_up_files"),
    "no settings": Case("fails", env={"DJANGO_SETTINGS_MODULE": ""}),
    "forks": Case("forks"),
    "async forks": Case("async_forks"),
    "forks before": Case("counted", module="tests.processes.forking"),
    "pool": Case("loses_a_worker"),
    "async pool": Case("async_loses_a_worker"),
    "a handler": Case("has_a_handler_that_exits"),
    "terminated after the return": Case("returns_and_is_terminated"),
    "PID 1: orphans": Case("leaves_orphans", (50,), AS_PID_1),
    "PID 1: sleeps": Case("sleeps", argv=AS_PID_1),
    "PID 1: sleeps, in an image with STOPSIGNAL SIGINT": Case("sleeps", argv=AS_PID_1),
    "PID 1: os_exits": Case("os_exits", (7,), AS_PID_1),
    "PID 1: killed": Case("kills_itself", (9,), AS_PID_1),
}


@dataclass
class Runner:
    pod: Pod
    process: subprocess.Popen[str]
    stdout: str = ""
    stderr: str = ""

    def end(self) -> int:
        """Waits for the end, and gives the exit code."""
        self.stdout, self.stderr = self.process.communicate(timeout=240)
        return self.process.returncode


@pytest.fixture(scope="module")
def runners(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Runner]]:
    environ = {key: os.environ[key] for key in ("PATH", "PYTHONPATH") if key in os.environ}
    environ |= {"PYTHONWARNINGS": "error"}
    # Makes bytecode, where there is none yet: without it, each of them says so.
    subprocess.run([sys.executable, "-c", "import django"], cwd=ROOT, env=environ, check=True, timeout=240)
    with ExitStack() as stack:
        made = {}
        for name, case in CASES.items():
            pod = Pod(stack.enter_context(serve()), tmp_path_factory.mktemp("pod"))
            process = subprocess.Popen(
                [sys.executable, *case.argv],
                cwd=ROOT,
                env=environ | pod.environ(f"{case.module}.{case.task}", case.args) | case.env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            stack.callback(process.communicate)
            stack.callback(_kill_all, process)
            made[name] = Runner(pod, process)
        yield made


def _kill_all(process: subprocess.Popen[str]) -> None:
    """With its children, which hold its pipes open: a worker of pytest-xdist need not run the test that ends them."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def test_process_of_a_failure_writes_its_traceback_once(runners: dict[str, Runner]) -> None:
    """Django's own logger would write it too."""
    runner = runners["fails"]
    assert runner.end() == 1
    assert (runner.stdout + runner.stderr).count("Traceback (most recent call last)") == 1


def test_process_of_a_success_is_quiet_and_imports_nothing_heavy(runners: dict[str, Runner]) -> None:
    runner = runners["heavy_modules"]
    assert runner.end() == 0
    assert (runner.stdout, runner.stderr) == ("", "")
    # ssl comes with Django's own imports of asyncio.
    assert runner.pod.outcome.result in ("[]", '["ssl"]')


def test_process_leaves_the_project_out_of_the_garbage(runners: dict[str, Runner]) -> None:
    """Of the objects that a set-up Django consists of, the collector has none; those that the task makes, it has."""
    ours, pythons = runners["collector"], runners["collector of Python"]
    assert (ours.end(), pythons.end()) == (0, 0)
    seen, expected = json.loads(ours.pod.outcome.result or ""), json.loads(pythons.pod.outcome.result or "")
    assert seen["threshold"] == expected["threshold"]
    assert (seen["enabled"], expected["enabled"]) == (True, True)
    assert seen["frozen"] > 10_000 > expected["frozen"]


def test_process_without_bytecode_says_so_once(runners: dict[str, Runner]) -> None:
    runner = runners["no bytecode"]
    assert runner.end() == 1
    assert runner.stderr.count("UV_COMPILE_BYTECODE") == 1


def test_process_ended_by_os_exit_reports_nothing(runners: dict[str, Runner]) -> None:
    runner = runners["os_exits"]
    assert runner.end() == 7
    assert runner.pod.reports("outcome") == []
    assert runner.pod.message == ""


def test_process_without_a_file_descriptor_reports_its_outcome(runners: dict[str, Runner]) -> None:
    runner = runners["uses up files"]
    assert runner.end() == 0, runner.stderr
    assert runner.pod.outcome.result == runner.pod.left_outcome.result == '"done"'


def test_process_without_settings(runners: dict[str, Runner]) -> None:
    runner = runners["no settings"]
    assert runner.end() == 1
    outcome = runner.pod.outcome
    assert (outcome.reason, outcome.retryable) == (Reason.SETUP_ERROR, True)
    assert outcome.error is not None
    assert "Set DJANGO_SETTINGS_MODULE in the image" in outcome.error.traceback


def test_process_leaves_threads_behind(runners: dict[str, Runner]) -> None:
    runner = runners["leaves_a_thread"]
    assert runner.end() == 0
    assert runner.pod.outcome.result == '"done"'
    assert "left-behind" in runner.stderr


def test_forked_children_do_not_report_for_their_parent(runners: dict[str, Runner]) -> None:
    """One raises, one exits with 7, and one returns. The one that exits has nothing to explain."""
    runner = runners["forks"]
    assert runner.end() == 0
    assert runner.pod.outcome.result == '"the parent\'s result; the children ended with [1, 7, 0]"'
    assert runner.stderr.count("A child process that the task had forked") == 2
    assert runner.stderr.count("Refused: in the child") == 1


def test_forked_child_of_an_async_task(runners: dict[str, Runner]) -> None:
    runner = runners["async forks"]
    assert runner.end() == 0
    assert runner.pod.outcome.result == '"the parent\'s result; the children ended with [1]"'


def test_a_child_that_was_forked_before_the_task_does_not_call_it(runners: dict[str, Runner]) -> None:
    """By a receiver of task_started, which returns in both processes."""
    runner = runners["forks before"]
    assert runner.end() == 0
    assert runner.stdout == "called\n"
    assert runner.pod.outcome.result == '"done"'
    assert "A child process was forked before the task came to it." in runner.stderr


@pytest.mark.parametrize("case", ["pool", "async pool"])
def test_workers_of_a_task_are_ended_as_elsewhere(runners: dict[str, Runner], case: str) -> None:
    """https://bugs.python.org/msg308652: they have the handlers of signals of the process that they are forked from."""
    runner = runners[case]
    assert runner.end() == 0
    assert runner.pod.outcome.result == '"BrokenProcessPool"'


def test_sigterm_after_the_return_keeps_the_result(runners: dict[str, Runner]) -> None:
    runner = runners["terminated after the return"]
    assert runner.end() == 0
    assert len(json.loads(runner.pod.outcome.result or "")) == 9_000


def test_exit_by_a_handler_of_sigterm_is_no_success(runners: dict[str, Runner]) -> None:
    runner = runners["a handler"]
    assert runner.end() == 1
    error = runner.pod.outcome.error
    assert error is not None
    assert "may have been stopped before it was done" in (error.message or "")


def test_pid_1_reaps_orphans(runners: dict[str, Runner]) -> None:
    runner = runners["PID 1: orphans"]
    assert runner.end() == 0, runner.stderr
    assert int(runner.pod.outcome.result or "") <= 3


@pytest.mark.parametrize(("case", "code"), [("PID 1: os_exits", 7), ("PID 1: killed", 128 + 9)])
def test_pid_1_ends_as_the_task_does(runners: dict[str, Runner], case: str, code: int) -> None:
    runner = runners[case]
    assert runner.end() == code
    assert runner.pod.reports("outcome") == []


@pytest.mark.parametrize(
    ("case", "number"),
    [
        ("sleeps", signal.SIGTERM),
        ("sleeps below an init process, in an image with STOPSIGNAL SIGINT", signal.SIGINT),
        ("sleeps below an init process, in an image with STOPSIGNAL SIGQUIT", signal.SIGQUIT),
        ("PID 1: sleeps", signal.SIGTERM),
        ("PID 1: sleeps, in an image with STOPSIGNAL SIGINT", signal.SIGINT),
    ],
)
def test_sigterm_reaches_the_task_and_its_children(runners: dict[str, Runner], case: str, number: int) -> None:
    runner = runners[case]
    assert runner.process.stdout is not None
    assert runner.process.stdout.readline() == "running\n"
    runner.process.send_signal(number)
    assert runner.end() == 143
    assert runner.stdout == "cleaned up -15\n"
    assert "Ended by SIGTERM" in runner.stderr
    assert runner.pod.reports("outcome") == []
    assert runner.pod.message == ""
