"""The support matrix: what a Django project installs, under every Python and Django that it may have.

`make matrix` runs all of it, `make matrix-3.14` one Python's part. `nox --session pages` runs stories of the admin's
pages in a browser, on the test cluster, under the oldest Django.
"""

import os
import subprocess
import sys
from pathlib import Path

import nox

PYTHONS = ("3.12", "3.13", "3.14")
DJANGOS = ("6.0", "6.1")

nox.options.sessions = ["unit"]
nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"


@nox.session(python=PYTHONS)
@nox.parametrize("django", DJANGOS)
def unit(session: nox.Session, django: str) -> None:
    """The tests of the backend, the runner and the contract that need no cluster."""
    install(session, django)
    tests = ("tests/unit/backend", "tests/unit/crds", "tests/processes")
    # The example has the one version of Django that it is written for.
    session.run("pytest", "--quiet", *tests, "--ignore-glob=tests/processes/test_shop*.py", *session.posargs)


@nox.session(python=PYTHONS[-1])
def pages(session: nox.Session) -> None:
    """The list, a task's page and live updates, in a browser."""
    install(session, DJANGOS[0])
    session.run("pytest", "--quiet", "tests/browser/test_tasks.py", "tests/browser/test_live.py", *session.posargs)


def install(session: nox.Session, django: str) -> None:
    """With the lock file's versions of all but Django: what differs is meant."""
    environment = session.virtualenv.location
    session.run_install("uv", "sync", "--quiet", "--frozen", env={"UV_PROJECT_ENVIRONMENT": environment})
    session.run_install("uv", "pip", "install", "--quiet", "--python", environment, f"django=={django}.*")
    session.run(
        "python", "-c", "import sys, django; print('Python', sys.version.split()[0], 'Django', django.__version__)"
    )


def make_findable(version: str) -> None:
    """uv looks along PATH. What is missing is installed."""
    finder = Path(__file__).parent / ".ci" / "python.py"
    found = subprocess.run([sys.executable, finder, version], capture_output=True, text=True, check=True).stdout.strip()
    os.environ["PATH"] = f"{Path(found).parent}{os.pathsep}{os.environ['PATH']}"


# A Python that someone names is the only one that uv would use.
os.environ.pop("UV_PYTHON", None)
for _version in PYTHONS:
    make_findable(_version)
