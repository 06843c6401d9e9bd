"""Bounds are written once, in a module that task pods can afford to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import djangotasks_api.models
from djangotasks_api.number_range import Range

MODELS = sorted(Path(djangotasks_api.models.__file__).parent.glob("*.py"))
KEYWORDS = {"ge", "gt", "le", "lt", "max_length"}


@pytest.mark.parametrize(
    ("number", "inside"), [(0, False), (1, True), (2.5, True), (3, True), (4, False), (float("nan"), False)]
)
def test_a_range_includes_its_ends(number: float, inside: bool) -> None:
    assert (number in Range(1, 3)) is inside


def test_a_range_is_written_for_people() -> None:
    assert f"must be {Range(0, 86_400)}" == "must be from 0 to 86,400"


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.name)
def test_a_model_takes_its_bounds_from_the_module(path: Path) -> None:
    literals = {
        f"{path.name}:{keyword.value.lineno}: {ast.unparse(keyword)}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in KEYWORDS and isinstance(keyword.value, ast.Constant) and keyword.value.value not in (0, 1)
    }
    assert not literals


def test_the_modules_that_task_pods_import_need_the_standard_library_alone() -> None:
    modules = ["bounds", "names", "phases", "stored", "reports", "outcome", "assignment", "workflow.engine"]
    code = (
        "import sys; before = set(sys.modules); "
        f"import {', '.join(f'djangotasks_api.{module}' for module in modules)}; "
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(*sorted(names - sys.stdlib_module_names - {'djangotasks_api'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
