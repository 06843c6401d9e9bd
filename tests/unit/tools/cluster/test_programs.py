"""Which programs of PATH are taken, and which are built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.machine import Machine
from tools.cluster import programs
from tools.cluster.progress import Progress

GCLOUD = "Client Version: v1.32.4-dispatcher\nKustomize Version: v5.5.0"
OLD = 'Client Version: version.Info{Major:"1", Minor:"36", GitVersion:"v1.36.0"}'
HELM3 = 'version.BuildInfo{Version:"v3.18.4", GitCommit:"d80839c", GoVersion:"go1.24.4"}'


@pytest.mark.parametrize(
    ("name", "says", "wanted", "taken"),
    [
        ("kubectl", "Client Version: v1.37.0", "1.37.2", True),
        ("kubectl", "Client Version: v1.38.1", "1.37.2", True),
        ("kubectl", OLD, "1.37.2", True),
        ("kubectl", "Client Version: v1.35.9", "1.37.2", False),
        ("kubectl", GCLOUD, "1.37.2", False),
        ("kubectl", "Client Version: v1.39.0", "1.37.2", False),
        ("kubectl", "pyenv: kubectl: command not found", "1.37.2", False),
        ("kubectl", GCLOUD, "", True),
        ("helm", 'version.BuildInfo{Version:"v4.0.0"}', "4.3.1", True),
        ("helm", HELM3, "4.3.1", False),
        ("kwok", "kwok version v0.8.1 go1.26.0 (linux/amd64)", "0.8.0", True),
        ("kwok", "kwok version v0.7.0 go1.26.0 (linux/amd64)", "0.8.0", False),
        ("kind", "kind v0.20.0 go1.20.4 linux/amd64", "0.33.0", True),
    ],
)
def test_a_program_is_taken_from_path_where_its_version_fits(
    machine: Machine, name: str, says: str, wanted: str, taken: bool
) -> None:
    said = machine.write("said", says)
    path = machine.add(name, {"version*": f"cat {said}", "--version": f"cat {said}"})
    assert programs.on_path(name, wanted, Progress()) == (path if taken else None)


def test_a_program_that_fails_is_not_taken(machine: Machine) -> None:
    machine.add("kubectl", {"version*": "echo Client Version: v1.37.2; exit 1"})
    assert programs.on_path("kubectl", "1.37.2", Progress()) is None


def test_a_program_that_is_not_taken_is_named_and_built(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    built = Path("/state/bin/kubectl")
    monkeypatch.setattr(programs, "build", lambda *_: built)
    machine.add("kubectl", {"version*": "echo Client Version: v1.32.4"})
    assert programs.find("kubectl", machine.folder, Progress(), "1.37.2") == built
    assert f"kubectl: {machine.path}/kubectl is not taken: it does not fit 1.37.2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "plain"), [("v1.33.4-gke.100", "1.33.4"), ("v1.34.1+k3s1", "1.34.1"), ("1.37.2", "1.37.2"), ("", "")]
)
def test_a_vendor_s_version_is_read_as_the_plain_one(text: str, plain: str) -> None:
    assert programs.plain_version(text) == plain
