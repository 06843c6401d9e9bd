"""The support matrix: what a Django project installs, under every Python and Django that it may have.

`make matrix` runs all of it, `make matrix-3.14` one Python's part.
"""

import os
import subprocess
import sys
from pathlib import Path

import nox

PYTHONS = ("3.12", "3.13", "3.14")
DJANGOS = ("6.0", "6.1")

nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"


@nox.session(python=PYTHONS)
@nox.parametrize("django", DJANGOS)
def unit(session: nox.Session, django: str) -> None:
    """The tests of the backend, the runner and the contract that need no cluster."""
    environment = session.virtualenv.location
    # With the lock file's versions of all else: what differs is meant.
    session.run_install("uv", "sync", "--quiet", "--frozen", env={"UV_PROJECT_ENVIRONMENT": environment})
    session.run_install("uv", "pip", "install", "--quiet", "--python", environment, f"django=={django}.*")
    session.run(
        "python", "-c", "import sys, django; print('Python', sys.version.split()[0], 'Django', django.__version__)"
    )
    tests = ("tests/unit/backend", "tests/unit/crds", "tests/processes")
    # The example has the one version of Django that it is written for.
    session.run("pytest", "--quiet", *tests, "--ignore-glob=tests/processes/test_shop*.py", *session.posargs)


def make_findable(version: str) -> None:
    """uv looks along PATH. What is missing is installed."""
    finder = Path(__file__).parent / ".ci" / "python.py"
    found = subprocess.run([sys.executable, finder, version], capture_output=True, text=True, check=True).stdout.strip()
    os.environ["PATH"] = f"{Path(found).parent}{os.pathsep}{os.environ['PATH']}"


# A Python that someone names is the only one that uv would use.
os.environ.pop("UV_PYTHON", None)
for _version in PYTHONS:
    make_findable(_version)
