"""Whether a package has bytecode."""

import importlib
import os
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


@pytest.mark.parametrize(
    ("mode", "holds"),
    [
        (py_compile.PycInvalidationMode.TIMESTAMP, False),
        (py_compile.PycInvalidationMode.UNCHECKED_HASH, True),
        (py_compile.PycInvalidationMode.CHECKED_HASH, True),
    ],
)
def test_bytecode_whose_source_has_another_time(
    package: Path, mode: py_compile.PycInvalidationMode, holds: bool
) -> None:
    """As in images whose builds set all times, for the same bytes each time, where each process compiles all again:
    https://github.com/ostreedev/ostree/issues/1469"""
    py_compile.compile(str(package), invalidation_mode=mode)
    os.utime(package, (0, 0))
    assert is_compiled(package.parent.name) is holds


def test_bytecode_of_another_python(package: Path) -> None:
    cached = Path(str(py_compile.compile(str(package))))
    cached.write_bytes(b"old\n" + cached.read_bytes()[4:])
    assert not is_compiled(package.parent.name)
    cached.write_bytes(b"")
    assert not is_compiled(package.parent.name)


def test_package_that_is_bytecode_alone(package: Path) -> None:
    py_compile.compile(str(package), cfile=str(package.with_suffix(".pyc")))
    package.unlink()
    assert is_compiled(package.parent.name)


@pytest.mark.parametrize("name", ["sys", "no_such_package_anywhere"])
def test_what_needs_no_bytecode(name: str) -> None:
    assert is_compiled(name)
