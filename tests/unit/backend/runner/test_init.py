"""What PID 1 does with signals and with children, on a stand-in for the kernel. In processes: tests/processes."""

import os
import signal
from collections.abc import Iterator

import pytest

from django_tasks_kubernetes.runner import init

CHILD, ORPHAN = 7, 9


class Exited(BaseException):
    pass


@pytest.fixture
def mask() -> Iterator[None]:
    """The test process has its signals again."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, mask: None) -> "Kernel":
    found = Kernel()
    monkeypatch.setattr(os, "fork", lambda: CHILD)
    monkeypatch.setattr(signal, "sigwait", lambda _: found.signals.pop(0))
    monkeypatch.setattr(os, "waitpid", lambda *_: found.wait())
    monkeypatch.setattr(os, "kill", found.kill)
    monkeypatch.setattr(os, "_exit", found.exit)
    monkeypatch.setattr(init, "children", lambda: [CHILD, ORPHAN])
    return found


class Kernel:
    def __init__(self) -> None:
        self.signals: list[int] = []
        self.ended: list[tuple[int, int] | None] = []
        self.killed: list[tuple[int, int]] = []

    def wait(self) -> tuple[int, int]:
        if not self.ended:
            raise ChildProcessError
        return self.ended.pop(0) or (0, 0)

    def kill(self, process: int, number: int) -> None:
        if process == ORPHAN:
            raise ProcessLookupError
        self.killed.append((process, number))

    def exit(self, code: int) -> None:
        raise Exited(code)


@pytest.mark.parametrize(("status", "code"), [(3 << 8, 3), (0, 0), (signal.SIGKILL, 128 + 9)])
def test_pid_1_reaps_until_its_child_ends_and_has_its_code(kernel: Kernel, status: int, code: int) -> None:
    kernel.signals = [signal.SIGCHLD, signal.SIGCHLD]
    kernel.ended = [(ORPHAN, 0), None, (ORPHAN, 0), (CHILD, status)]
    with pytest.raises(Exited) as exited:
        init.fork_and_reap()
    assert exited.value.args == (code,)
    assert (kernel.signals, kernel.ended) == ([], [])


@pytest.mark.parametrize(
    ("number", "passed_on"),
    [
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGUSR1, signal.SIGUSR1),
        # What an image of a web server has as STOPSIGNAL: its end is no failure of the task.
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGQUIT, signal.SIGTERM),
    ],
)
def test_pid_1_forwards_signals_to_its_children(kernel: Kernel, number: int, passed_on: int) -> None:
    """Also where one of them ends at that moment, and another was reaped by somebody else."""
    kernel.signals = [number, signal.SIGCHLD, signal.SIGCHLD]
    kernel.ended = [None, (CHILD, 0)]
    with pytest.raises(Exited):
        init.fork_and_reap()
    assert kernel.killed == [(CHILD, passed_on)]


def test_signals_wait_in_the_child_until_it_is_ready(monkeypatch: pytest.MonkeyPatch, mask: None) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    monkeypatch.setattr(os, "fork", lambda: 0)
    ready = init.fork_and_reap()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) >= init.FORWARDED
    ready()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


def test_a_process_that_is_not_pid_1_does_not_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    init.fork_from_pid_1()()
