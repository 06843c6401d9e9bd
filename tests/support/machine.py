"""A machine with other programs: a PATH on which there are only those that a test writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.cluster import commands

# Each call is noted. A script finds the shell's usual programs, and the machine's folder in $here.
SCRIPT = """#!/bin/sh
here={folder}
PATH=/usr/bin:/bin
echo "{name} $*" >> $here/calls
case "$*" in
{cases}
*) echo "{name} $*: not of this test" >&2; exit 64;;
esac
"""
BLANK = "\\ "


class Machine:
    """The programs write what they were called with into one file, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bin"
        self.path.mkdir()

    def add(self, name: str, cases: dict[str, str]) -> Path:
        """Add a program. `cases`: what it does, in shell, for arguments that match a pattern of the shell."""
        program = self.path / name
        lines = "\n".join(f"{pattern.replace(' ', BLANK)}) {does};;" for pattern, does in cases.items())
        program.write_text(SCRIPT.format(folder=self.folder, name=name, cases=lines))
        program.chmod(0o755)
        return program

    def write(self, name: str, text: str = "") -> Path:
        """Write a file that the programs read."""
        path = self.folder / name
        path.write_text(text)
        return path

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def calls(self, *starts: str) -> list[str]:
        """Return the calls that begin with these words, in order; all without an argument."""
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if not starts or f"{line} ".startswith(tuple(f"{start} " for start in starts))]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """No other program is found, and nothing in the environment points to an engine or a cluster."""
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.path))
    monkeypatch.setattr(commands, "SYSTEM_PATHS", ())
    monkeypatch.setenv("DJANGOTASKS_CLUSTER_STATE", str(tmp_path / "state"))
    for name in ("CLUSTER", "KUBERNETES_VERSION", "HOST_ADDRESS", "REGISTRY", "BASE_IMAGE"):
        monkeypatch.delenv(f"DJANGOTASKS_{name}", raising=False)
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "SSL_CERT_FILE", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    return made
