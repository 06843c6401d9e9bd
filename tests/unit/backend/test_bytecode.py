"""Whether a package has bytecode."""

import importlib
import py_compile
import sys
from pathlib import Path

import pytest

from django_tasks_kubernetes.bytecode import is_compiled


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a package that can be imported."""
    file = tmp_path / "with_or_without_bytecode" / "__init__.py"
    file.parent.mkdir()
    file.write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "pycache_prefix", None)
    importlib.invalidate_caches()
    return file


def test_package_without_bytecode(package: Path) -> None:
    assert not is_compiled(package.parent.name)


def test_package_with_bytecode(package: Path) -> None:
    py_compile.compile(str(package))
    assert is_compiled(package.parent.name)


def test_package_that_is_bytecode_alone(package: Path) -> None:
    py_compile.compile(str(package), cfile=str(package.with_suffix(".pyc")))
    package.unlink()
    assert is_compiled(package.parent.name)


@pytest.mark.parametrize("name", ["sys", "no_such_package_anywhere"])
def test_what_needs_no_bytecode(name: str) -> None:
    assert is_compiled(name)
