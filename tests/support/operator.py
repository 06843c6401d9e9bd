"""The operator as a process of its own, out of the cluster: quick to start, to look into, and to kill."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from tools.kubectl import wait_for

if TYPE_CHECKING:
    from tests.support.zygote import Forked, Zygote
    from tools.cluster.cluster import Cluster

READY_SECONDS = 180.0
EXIT_SECONDS = 120.0


class OperatorProcess:
    """Works in one namespace. Keeps its ports and its key over a restart, as a Deployment does.

    `kubeconfig`: of another way to the API server than the straight one. `options`: more of the command line.
    `key`: of the tokens, which replicas share. `zygote`: makes the process in a fraction of the time, for tests that
    start many.
    """

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        folder: Path,
        *,
        kubeconfig: Path | None = None,
        options: tuple[str, ...] = (),
        key: str | None = None,
        zygote: Zygote | None = None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._kubeconfig = kubeconfig or cluster.kubeconfig
        self._options = options
        self._zygote = zygote
        self.log_path = folder / "operator.log"
        self.key_path = folder / "key"
        self.key_path.write_text(key or secrets.token_hex(32))
        self.port, self._health_port = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def start(self, *, environ: dict[str, str] | None = None, options: tuple[str, ...] = ()) -> None:
        """Returns when it is ready. `options`: of this run alone."""
        arguments = [
            *("run", "--verbose", "--namespace", self._namespace),
            *("--report-url", f"http://{self._cluster.provider.host_address()}:{self.port}"),
            *("--port", str(self.port), "--health-port", str(self._health_port)),
            *("--key-file", str(self.key_path), *self._options, *options),
        ]
        environ = {**(environ or {}), "KUBECONFIG": str(self._kubeconfig)}
        if self._zygote is not None:
            self._process = self._zygote.spawn(arguments, environ, self.log_path)
        else:
            with self.log_path.open("ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "djangotasks_operator", *arguments],
                    env={**os.environ, **environ},
                    stdout=log,
                    stderr=log,
                )
        wait_for("the operator is ready", self._is_ready, seconds=READY_SECONDS, why=self.log)

    def send_signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it, and returns its exit code."""
        assert self._process is not None
        self.send_signal(number)
        code = self._process.wait(EXIT_SECONDS)
        self._process = None
        return code

    def kill(self) -> None:
        """At once and without waiting: `running` tells when it has ended."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def get(self, path: str, seconds: float = 5) -> str:
        """From the port of /metrics, /healthz and /readyz. Raises an OSError where the answer is no 200."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._health_port}{path}", timeout=seconds) as response:
            text: str = response.read().decode()
            return text

    def _is_ready(self) -> bool | None:
        assert self.running, f"the operator ended:\n{self.log()}"
        try:
            self.get("/readyz", seconds=1)
        except OSError:
            return None
        return True


def free_port() -> int:
    """One that no outgoing connection is ever given, so that it is still free when the operator comes back."""
    while True:
        port = 20000 + secrets.randbelow(10000)
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.bind(("0.0.0.0", port))
            return port
