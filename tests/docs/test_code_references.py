"""Files, functions and folders that pages name exist in the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.cluster import ROOT

PACKAGES = {
    "django_tasks_kubernetes": ROOT / "backend" / "src" / "django_tasks_kubernetes",
    "djangotasks_api": ROOT / "crds" / "src" / "djangotasks_api",
    "djangotasks_operator": ROOT / "operator" / "src" / "djangotasks_operator",
}
WALK = ROOT / "docs" / "explanation" / "follow-one-task.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
# Pages that MkDocs does not check.
PAGES = sorted(
    path
    for pattern in ("*.md", "examples/*/*.md", "charts/*/*.md", "crds/*.md", "operator/*.md")
    for path in ROOT.glob(pattern)
)


def walk() -> Iterator[tuple[Path, str]]:
    """The file and the function of each step, which are those of the package in the heading above."""
    for section in re.split(r"^## ", WALK.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        for file, function in re.findall(r"`([\w/]+\.py):([\w.]+)`", text):
            (package,) = re.findall(r"`(\w+)`", heading)
            yield PACKAGES[package] / file, function


def names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + node.name
            yield from names(node.body, f"{prefix}{node.name}.")


@pytest.mark.parametrize(("file", "function"), list(walk()), ids=lambda value: getattr(value, "name", value))
def test_a_step_of_the_walk_names_a_function(file: Path, function: str) -> None:
    found = set(names(ast.parse(file.read_text()).body)) if file.exists() else set()
    assert function in found, f"{file.relative_to(ROOT)} has no {function}"


def test_the_walk_has_steps() -> None:
    assert len(list(walk())) > 30


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_has_every_folder_of_a_package(package: str) -> None:
    folder = PACKAGES[package]
    folders = {path.parent.name for path in folder.glob("*/__init__.py")} - {"management", "migrations"}
    _, _, text = CONTRIBUTING.read_text().partition(f"### `{folder.relative_to(ROOT).as_posix()}/`")
    section = text.partition("\n#")[0]
    assert set(re.findall(r"^\| `(\w+)/` \|", section, re.MULTILINE)) == folders


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"(?:\]\(|^\[[^\]]+\]: )(?!https?:|#|mailto:)([^)#\s]+)", page.read_text(), re.MULTILINE)
    assert [link for link in links if not (page.parent / link).exists()] == []
