"""Packages, chart and lock file say the version that the root's pyproject.toml defines."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
import yaml

from tests.release.conftest import ROOT, run
from tools.cluster import programs
from tools.cluster.progress import Progress
from tools.cluster.settings import state_folder


def test_every_place_would_be_bumped() -> None:
    """It refuses when a file does not say the current version where it must."""
    run("bump-my-version", "bump", "minor", "--dry-run", "--no-commit")


def test_all_packages_have_it(dist: Path, version: str) -> None:
    names = {path.name for path in dist.iterdir() if path.suffix in {".gz", ".whl"}}
    assert len(names) == 6
    assert all(f"-{version}" in name for name in names)


@pytest.mark.parametrize("name", ["djangotasks", "djangotasks-web-app"])
def test_so_have_the_charts(name: str, version: str, tmp_path: Path) -> None:
    """And appVersion, by which the operator's image is chosen."""
    helm = programs.find("helm", state_folder(), Progress())
    run(helm, "package", ROOT / "charts" / name, "--destination", tmp_path)
    with tarfile.open(tmp_path / f"{name}-{version}.tgz") as archive:
        member = archive.extractfile(f"{name}/Chart.yaml")
        assert member is not None
        chart = yaml.safe_load(member.read())
    assert (chart["version"], chart["appVersion"]) == (version, version)


def test_the_lock_file_is_up_to_date() -> None:
    run("uv", "lock", "--check", "--quiet")


def test_the_changelog_can_be_made(version: str) -> None:
    """Of the fragments in changelog.d, each of a type that towncrier knows."""
    assert f"## {version} " in run("towncrier", "build", "--draft", "--version", version)
    known = {"breaking", "security", "feature", "fix"}
    for path in (ROOT / "changelog.d").glob("*.md"):
        assert path.name.split(".")[-2] in known, path.name
