"""The two command lines, as people run them: each verb in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import ROOT
from tools.cluster.cluster import Cluster

# Longer than any verb of a test is asked to wait.
SECONDS = 600
# Where the plugin is, which kubectl looks for on the PATH.
PROGRAMS = Path(sys.executable).parent


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Shell:
    """Runs a verb in a process of its own. `options`: follow each verb."""

    command: tuple[str, ...]
    environ: dict[str, str]
    options: tuple[str, ...] = ()

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.command, *words, *self.options],
            env=self.environ,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> Done:
        return ended(self.start(*words))


def ended(process: subprocess.Popen[str]) -> Done:
    try:
        out, err = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return Done(process.returncode, out, err)


def wait_said(process: subprocess.Popen[str], words: str) -> str:
    """Reads its stderr up to the line with these words, and returns that. One that does not say so in time is killed."""
    assert process.stderr is not None
    timer = threading.Timer(SECONDS, process.kill)
    timer.start()
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line)
            if words in line:
                return "".join(lines)
    finally:
        timer.cancel()
    raise AssertionError(f"it did not say {words!r}:\n{''.join(lines)}")


def plugin(cluster: Cluster, namespace: str, kubeconfig: Path) -> Shell:
    environ = {
        name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")
    }
    environ |= {"KUBECONFIG": str(kubeconfig), "PATH": f"{PROGRAMS}:{environ['PATH']}"}
    return Shell((str(cluster.kubectl_program), "djangotask"), environ, ("-n", namespace))


def manage(namespace: str, kubeconfig: Path, command: str = "tasks") -> Shell:
    environ = {
        "DJANGO_SETTINGS_MODULE": "tests.support.web_settings",
        "KUBECONFIG": str(kubeconfig),
        "NAMESPACE": namespace,
        "ENQUEUE": "immediate",
        # A database that nobody asks.
        "DATABASE_PORT": "1",
        "DATABASE_PASSWORD": "",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples" / "shop")]),
    }
    return Shell((sys.executable, "-m", "django", command), {**os.environ, **environ})
