"""Runs other packages, and Django's own tests of its task framework, on this backend: `make test-clients`.

In an environment of its own, `.clients/` in the checkout, from PyPI; nothing of what is fetched becomes part of the
project.
"""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
HERE: Final = Path(__file__).parent
FOLDER: Final = ROOT / ".clients"
PYTHON: Final = FOLDER / "venv" / "bin" / "python"
STAMP: Final = FOLDER / "venv" / "made-of"
REQUIREMENTS: Final = HERE / "requirements.txt"


def main() -> int:
    make_environment()
    print("Packages:", ", ".join(requirements()), flush=True)
    packages: list[str | Path] = [
        PYTHON,
        "-m",
        "django",
        "test",
        "tools.clients.packages",
        "--settings",
        "tools.clients.settings",
    ]
    codes = [
        run([*packages, "--pythonpath", "."]),
        run([PYTHON, "-m", "tools.clients.django_suite", sdist()]),
    ]
    return max(codes)


def requirements() -> list[str]:
    return [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]


def make_environment() -> None:
    """Makes the virtual environment, unless there is one of the same requirements."""
    projects = [ROOT / "crds", ROOT / "backend"]
    texts = [REQUIREMENTS.read_bytes(), *((project / "pyproject.toml").read_bytes() for project in projects)]
    wanted = hashlib.sha256(b"\0".join([sys.version.encode(), *texts])).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER / "venv"], check=True)
    editable = [word for project in projects for word in ("--editable", str(project))]
    pip("install", "--requirement", str(REQUIREMENTS), *editable)
    STAMP.write_text(wanted)


def sdist() -> Path:
    """The source distribution of the Django that is required; wheels have no tests."""
    (django,) = [line for line in requirements() if line.startswith("django==")]
    path = FOLDER / f"{django.replace('==', '-')}.tar.gz"
    if not path.exists():
        pip("download", "--no-deps", "--no-binary", ":all:", "--dest", str(FOLDER), django)
    return path


def pip(*words: str) -> None:
    subprocess.run([PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True)


def run(command: list[str | Path]) -> int:
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
