"""What a release would publish, built once for the tests that install it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The programs of this environment, whether or not it is activated.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture(scope="session")
def version() -> str:
    """The one definition."""
    text: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["bumpversion"]["current_version"]
    return text


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sdists, and the wheels that are built from them: so an sdist holds all that its wheel needs."""
    folder = tmp_path_factory.mktemp("dist")
    run("uv", "build", "--quiet", "--all-packages", "--out-dir", folder, ROOT)
    return folder


def run(*argv: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    """Returns its stdout. `env`: instead of this process's environment, not in addition."""
    env = {**os.environ, "PATH": PATH} if env is None else env
    program = shutil.which(argv[0], path=PATH)
    assert program is not None, f"no program {argv[0]}"
    command = [program, *argv[1:]]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, f"{' '.join(map(str, argv))}\n{done.stdout}{done.stderr}"
    return done.stdout
