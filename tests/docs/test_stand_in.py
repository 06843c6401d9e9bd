"""`docker` and `kind` of the tutorial, on a machine that has both: they call the machine's, and not themselves."""

from __future__ import annotations

import os
import signal
import subprocess

from tests.docs import stand_in
from tests.support.machine import Machine, machine

__all__ = ["machine"]

SECONDS = 240
DOCKER = {
    "info": "true",
    "--version": "echo Docker version 28.2.2",
    "image inspect *": "exit 1",
    "buildx version": "true",
    "build *": "true",
}


def test_an_image_is_built_once_by_the_machines_engine(machine: Machine) -> None:
    machine.add("docker", DOCKER)
    machine.add("kind", {})
    folder = machine.folder / "stand-ins"
    folder.mkdir()
    stand_in.write(folder)
    context = machine.folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(stand_in.FROM)
    process = subprocess.Popen(
        [folder / "docker", "build", "--tag", "mysite:1", context],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "DJANGOTASKS_CLUSTER": "kind"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            # With all that it has started.
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said
    (build,) = machine.calls("docker build")
    assert " --tag docker.io/mysite:1 " in build
