"""Reap orphaned processes, as the container's PID 1 must: https://en.wikipedia.org/wiki/Orphan_process

A browser or a shell pipeline leaves processes whose parent has ended. The kernel gives them to PID 1, and each stays a
zombie until PID 1 waits for it. The process that runs the task cannot wait for children that it does not know: it
would take the exit codes that `subprocess.Popen` waits for. So PID 1 forks before anything is imported, and the child
runs the task. Where another process is PID 1 (an init such as tini, or a shared process namespace), that one reaps.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, NoReturn

from django_tasks_kubernetes.runner.process import STOP_SIGNALS, children

PID_1: Final = 1
# What a container runtime, or a person with `kubectl exec`, sends to PID 1 and means for the program.
FORWARDED: Final = frozenset(
    {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
)


def fork_from_pid_1() -> Callable[[], object]:
    """Return in a child process where this process is PID 1, and at once elsewhere: see fork_and_reap()."""
    return fork_and_reap() if os.getpid() == PID_1 else lambda: None


def fork_and_reap() -> Callable[[], object]:
    """Return in a child process. This process stays, forwards signals to all of its children, and reaps them; it exits
    as soon as that child does, with its code, or 128 + the signal that ended it. Each signal that stops a program is
    passed on as SIGTERM.

    Signals wait until the child calls what is returned. (Those that PID 1 does not handle, the kernel would drop.)
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED | {signal.SIGCHLD})
    child = os.fork()
    if child:
        _reap_until(child)
    return partial(signal.pthread_sigmask, signal.SIG_SETMASK, before)


def _reap_until(child: int) -> NoReturn:
    while True:
        number = signal.sigwait(FORWARDED | {signal.SIGCHLD})
        if number != signal.SIGCHLD:
            number = signal.SIGTERM if number in STOP_SIGNALS else number
            for process in {child, *children()}:
                with suppress(ProcessLookupError):
                    os.kill(process, number)
            continue
        while (ended := _ended_child()) is not None:
            process, status = ended
            if process == child:
                code = os.waitstatus_to_exitcode(status)
                os._exit(code if code >= 0 else 128 - code)


def _ended_child() -> tuple[int, int] | None:
    with suppress(ChildProcessError):
        process, status = os.waitpid(-1, os.WNOHANG)
        if process:
            return process, status
    return None
