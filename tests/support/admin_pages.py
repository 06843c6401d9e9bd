"""The admin of a web app as a process of this machine, with the rights of the chart's account, as a browser visits it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from tests.support.operator import free_port
from tools.cluster import ROOT
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tools.cluster.cluster import Cluster
    from tools.kubectl import Kubectl

RIGHTS = ("queues", "holds", "schedules", "delete", "logs")
READY_SECONDS = 180.0
APP = "/admin/django_tasks_kubernetes/"


class AdminSite:
    """`url`: where it is, without a slash at the end. `log_path`: what the server says. `environ`: what its settings ask
    for, such as THEME."""

    def __init__(self, folder: Path, namespace: str, kubeconfig: Path, **environ: str) -> None:
        self.log_path = folder / "web.log"
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._environ = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.support.admin_project.settings",
            "DATABASE": str(folder / "db.sqlite3"),
            "NAMESPACE": namespace,
            "KUBECONFIG": str(kubeconfig),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples" / "shop")]),
        } | environ

    def page(self, path: str = "") -> str:
        """The address of a page of this app: `task/overview/`."""
        return f"{self.url}{APP}{path}"

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    @contextlib.contextmanager
    def running(self) -> Iterator[AdminSite]:
        """With a database of its own, and people who may log in."""
        self.python("-m", "tests.support.admin_project")
        command = ["-m", "gunicorn", "--bind", f"127.0.0.1:{self._port}", "--threads=8", "--no-control-socket"]
        with self.log_path.open("ab") as log:
            server = subprocess.Popen(
                [sys.executable, *command, "tests.support.admin_project.wsgi"],
                env=self._environ, cwd=ROOT, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            wait_for("the admin answers", lambda: self._answers(server), seconds=READY_SECONDS, why=self.log)
            yield self
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def _answers(self, server: subprocess.Popen[bytes]) -> bool | None:
        assert server.poll() is None, self.log()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/admin/login/", timeout=20) as answer:
            return bool(answer.status == 200)
        return None

    def python(self, *arguments: str) -> None:
        """Runs Python with the project's settings."""
        done = subprocess.run(
            [sys.executable, *arguments],
            env=self._environ, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def account(cluster: Cluster, kubectl: Kubectl, folder: Path, *rights: str, name: str = "web") -> Path:
    """The kubeconfig of a web app's account, with the Role that the chart gives it. `rights`: those of `admin`."""
    kubectl("create", "serviceaccount", name)
    settings = [f"--set=serviceAccounts={{{name}}}", *(f"--set=admin.{right}=true" for right in rights)]
    chart = str(ROOT / "charts" / "djangotasks-web-app")
    cluster.helm("install", name, chart, "--namespace", kubectl.namespace, *settings)
    document: dict[str, Any] = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    document["users"] = [{"name": name, "user": {"token": kubectl("create", "token", name).strip()}}]
    document["contexts"][0]["context"]["user"] = name
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return path
