"""The project, served by gunicorn as in production, and somebody who is logged in."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import urllib3

from benchmarks.admin.seed import PASSWORD, USER
from tools.cluster.images import ROOT
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WORKERS = 2
START_SECONDS = 30
APP = "/admin/django_tasks_kubernetes"
BASELINE = "/admin/baseline/row/"


@dataclass(frozen=True, slots=True)
class Answer:
    """`ms`: from the request to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: float


@dataclass
class Visitor:
    """Logged in. For one thread; `again()` is another."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pool = urllib3.connection_from_url(self.url, retries=False, timeout=urllib3.Timeout(60))

    def again(self) -> Visitor:
        return Visitor(self.url, dict(self.cookies))

    def get(self, path: str, expected: int = 200, **headers: str) -> Answer:
        return self._ask("GET", path, expected, None, headers)

    def post(self, path: str, fields: Mapping[str, str], expected: int = 302) -> Answer:
        body = urlencode({"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **fields})
        return self._ask("POST", path, expected, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def log_in(self) -> None:
        self.get("/admin/login/")
        self.post("/admin/login/", {"username": USER, "password": PASSWORD, "next": "/admin/"})
        assert "sessionid" in self.cookies

    def _ask(self, method: str, path: str, expected: int, body: str | None, headers: Mapping[str, str]) -> Answer:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        began = time.perf_counter()
        found = self._pool.urlopen(method, path, body=body, headers={"Cookie": cookies, **headers}, redirect=False)
        ms = (time.perf_counter() - began) * 1000
        for line in found.headers.getlist("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        words = re.sub(r"\s+", " ", found.data[:2000].decode(errors="replace"))
        assert found.status == expected, f"{method} {path}: {found.status} {words}"
        return Answer(found.status, dict(found.headers), found.data, ms)


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    workers: tuple[int, ...]
    """Their pids."""

    def visitor(self) -> Visitor:
        found = Visitor(self.url)
        found.log_in()
        return found


@contextmanager
def serve(kubeconfig: Path, namespaces: Mapping[str, str], rows: int) -> Iterator[Server]:
    """`namespaces`: by the aliases of TASKS. `rows`: of the table."""
    with tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "benchmarks.admin.settings",
            "BENCH_DATABASE": str(Path(folder) / "bench.sqlite3"),
            "BENCH_KUBECONFIG": str(kubeconfig),
            "BENCH_NAMESPACES": json.dumps(namespaces),
        }
        seed = [sys.executable, "-m", "benchmarks.admin.seed", str(rows)]
        subprocess.run(seed, cwd=ROOT, env=environ, check=True, timeout=120)
        address = f"127.0.0.1:{_free_port()}"
        command = [sys.executable, "-m", "gunicorn", f"--bind={address}", f"--workers={WORKERS}", "--timeout=120"]
        log = Path(folder) / "log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [*command, "--no-control-socket", "benchmarks.admin.wsgi"],
                cwd=ROOT, env=environ, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            url = f"http://{address}"
            wait_for("gunicorn", lambda: _answers(url), seconds=START_SECONDS, why=log.read_text)
            yield Server(url, _children(process.pid))
        finally:
            process.terminate()
            process.wait(timeout=30)


def _answers(url: str) -> bool | None:
    try:
        Visitor(url).get("/admin/login/")
    except urllib3.exceptions.HTTPError:
        return None
    return True


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _children(pid: int) -> tuple[int, ...]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return tuple(map(int, found.read_text().split())) if found.exists() else ()
