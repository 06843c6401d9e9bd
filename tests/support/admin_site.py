"""Django's admin of a web app on this machine, for stories on the cluster."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

from tools.cluster import ROOT
from tools.kubectl import wait_for

if TYPE_CHECKING:
    from pathlib import Path

PAGES = "/admin/django_tasks_kubernetes"
PAGE_SECONDS = 240.0


@dataclass(frozen=True)
class Shown:
    """What a page answered."""

    status: int
    address: str
    html: str

    @property
    def text(self) -> str:
        """As it is read."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.html)).split())

    def value(self, name: str) -> str:
        """Of a hidden field of its form."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.html)
        assert found is not None, self.text
        return found[1]


class AdminSite:
    """`kubeconfig`: of the web app's account. `database`: the environment that leads to PostgreSQL; else it is SQLite.
    `options`: more OPTIONS of its backend."""

    def __init__(
        self, kubeconfig: Path, namespace: str, folder: Path, database: dict[str, str] | None = None, **options: Any
    ) -> None:
        known = {"NAMESPACE": namespace, "KUBECONFIG": str(kubeconfig), "RETRIES": 0}
        self._environ = {
            **os.environ,
            **(database or {}),
            "DJANGO_SETTINGS_MODULE": "tests.support.admin_settings",
            "DATABASE": str(folder / "admin.sqlite3"),
            "OPTIONS": json.dumps(known | options),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples" / "shop")]),
        }
        self.manage("migrate", "--verbosity=0")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.admin_process"],
            env=self._environ, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "django", *arguments]
        done = subprocess.run(
            command, env=self._environ, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def get(self, path: str) -> Shown:
        return self._ask("GET", path, {})

    def post(self, path: str, **form: Any) -> Shown:
        return self._ask("POST", path, form)

    def wait(self, path: str, words: str) -> Shown:
        """Until the page says so."""
        last: list[Shown] = []

        def look() -> Shown | None:
            last[:] = [self.get(path)]
            return last[0] if words in last[0].text else None

        return wait_for(f"{path} says {words!r}", look, seconds=PAGE_SECONDS, why=lambda: last[0].text[-3000:])

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _ask(self, method: str, path: str, form: dict[str, Any]) -> Shown:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([method, f"{PAGES}/{path}", form]) + "\n")
        self._process.stdin.flush()
        return Shown(*json.loads(self._process.stdout.readline()))
