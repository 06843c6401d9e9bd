"""Starts operators without importing them again: that is most of an operator's start, and some tests start many.

`python -m tests.support.zygote` imports them, then forks whenever a line on its stdin asks for it. The fork runs the
command line as any operator process does, and is killed like one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn


class Forked:
    """A process that is not our child: as much of `subprocess.Popen` as there is of it. Its exit code is not known."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def send_signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def poll(self) -> int | None:
        return 0 if self._ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return 0

    def _ended(self, timeout: float | None) -> bool:
        return bool(select.select([self._handle], [], [], timeout)[0])

    def __del__(self) -> None:
        os.close(self._handle)


class Zygote:
    """Makes one process after the other, for any thread. They end with it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def spawn(self, arguments: list[str], environ: dict[str, str], log: Path) -> Forked:
        request = json.dumps({"arguments": arguments, "environ": environ, "log": str(log)})
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(request + "\n")
            self._process.stdin.flush()
            return Forked(int(self._process.stdout.readline()))

    def close(self) -> None:
        self._process.communicate(timeout=60)


def _serve() -> None:
    from djangotasks_operator import cli  # noqa: F401 - so that forks need not

    children = []
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            _run(**json.loads(line))
        children.append(pid)
        print(pid, flush=True)
    # They were not waited for, so no other process has their ids.
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _run(arguments: list[str], environ: dict[str, str], log: str) -> NoReturn:
    from djangotasks_operator.cli import main

    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(old, new)
    os.environ.update(environ)
    try:
        main(arguments)
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001 - this is the end of the process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(1)


if __name__ == "__main__":
    _serve()
