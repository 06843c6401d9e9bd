"""Starts the cluster's processes, knows which of them run, and stops these and no others."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.commands import environment, find_program
from tools.cluster.errors import ProviderError, with_log
from tools.cluster.native import identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.cluster.progress import Progress

# In the environment of every process of the cluster, and inherited by containerd's shims: so even a process
# whose pid file was never written is found.
MARKER = "DJANGOTASKS_CLUSTER_RUN"
PASSED_ON = ("HOME", "LANG", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")
PROC = Path("/proc")


class Supervisor:
    """The processes of the cluster whose files are in the folder `run`."""

    def __init__(self, run: Path, progress: Progress) -> None:
        self._run = run
        self._pids = run / "pid"
        self._logs = run / "log"
        self._progress = progress

    def start(self, name: str, *argv: str | Path, namespace: str | None, path: Path | None = None) -> None:
        """Start a process in a session of its own, so that it outlives this one and its terminal.

        nsenter and not `ip netns exec`: that mounts /sys again and hides the cgroups from the kubelet.
        """
        env = environment()
        kept = {key: env[key] for key in PASSED_ON if key in env}
        kept |= {"PATH": f"{path}:{env['PATH']}" if path else env["PATH"], MARKER: str(self._run)}
        enter = (find_program("nsenter") or "nsenter", f"--net=/run/netns/{namespace}") if namespace else ()
        self._pids.mkdir(parents=True, exist_ok=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [*enter, *map(str, argv)],
                cwd=self._run,
                env=kept,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if (who := identity.identify(process.pid)) is not None:
            self._pid_file(name).write_text(who.dump())
        # It is not waited for: without a return code, Python warns of a process that is left behind.
        process.returncode = 0

    def alive(self, name: str) -> bool:
        """Tell whether the process that the pid file means still runs."""
        try:
            recorded = identity.parse(self._pid_file(name).read_text())
        except OSError:
            return False
        return recorded is not None and identity.identify(recorded.pid) == recorded

    def wait(self, name: str, ready: Callable[[], bool], *, seconds: float, what: str = "ready") -> None:
        """Wait until a component answers.

        Raises ProviderError with the end of its log, at once when the process ends.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.alive(name):
                raise ProviderError(with_log(f"{name} ended before it was {what}", self.log(name)))
            if time.monotonic() > deadline:
                raise ProviderError(with_log(f"{name} is not {what} after {seconds:.0f} s", self.log(name)))
            time.sleep(0.1)
        self._progress.say(name, what)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def stop(self, name: str, *, seconds: float = 5) -> None:
        """End one process, politely at first; nothing happens when it does not run."""
        if not self.alive(name) or (who := identity.parse(self._pid_file(name).read_text())) is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(who, number)
            if _wait_gone({who}, seconds):
                break
        self._pid_file(name).unlink(missing_ok=True)

    def stop_all(self) -> int:
        """Kill every process of this cluster, the containers' too, and return how many there were.

        Their state is thrown away with them, so there is nothing to end politely.
        """
        killed: set[identity.Identity] = set()
        for _ in range(20):
            found = self.find_all()
            if not found:
                return len(killed)
            for who in found:
                _signal(who, signal.SIGKILL)
            killed |= found
            _wait_gone(found, 5)
        raise ProviderError(f"processes that do not end: {sorted(who.pid for who in self.find_all())}")

    def find_all(self) -> set[identity.Identity]:
        """Return the processes that carry this cluster's marker, and their descendants."""
        parents: dict[int, int] = {}
        marked: set[int] = set()
        needle = f"{MARKER}={self._run}".encode()
        for entry in PROC.iterdir():
            if not entry.name.isdigit():
                continue
            try:
                state, parent, _ = identity.parse_stat((entry / "stat").read_text())
                if state in "ZX":
                    continue
                parents[int(entry.name)] = parent
                if needle in (entry / "environ").read_bytes().split(b"\0"):
                    marked.add(int(entry.name))
            except (OSError, IndexError, ValueError):
                continue  # it ended meanwhile
        pids = identity.descendants(marked, parents) - {os.getpid()}
        return {who for pid in pids if (who := identity.identify(pid)) is not None}

    def _pid_file(self, name: str) -> Path:
        return self._pids / f"{name}.pid"


def _signal(who: identity.Identity, number: signal.Signals) -> None:
    """Send a signal to this very process: a pidfd never means a later one with the same pid."""
    try:
        handle = os.pidfd_open(who.pid)
    except ProcessLookupError:
        return
    try:
        if identity.identify(who.pid) == who:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        os.close(handle)


def _wait_gone(processes: set[identity.Identity], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while any(identity.identify(who.pid) == who for who in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
