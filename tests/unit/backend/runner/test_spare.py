"""The file descriptor that is kept for the outcome."""

import os
from pathlib import Path

import pytest

from django_tasks_kubernetes.runner.spare import keep_descriptor


def _lowest() -> int:
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number


def test_a_descriptor_is_kept_and_released() -> None:
    lowest = _lowest()
    release = keep_descriptor()
    assert _lowest() > lowest
    release()
    assert _lowest() == lowest


def test_a_number_that_is_another_files_by_now_is_left(tmp_path: Path) -> None:
    number = _lowest()
    release = keep_descriptor()
    os.close(number)
    with (tmp_path / "file").open("w") as file:
        assert file.fileno() == number
        release()
        assert os.fstat(number).st_size == 0
    release()


def test_a_process_without_descriptors_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "devnull", "/nowhere/null")
    keep_descriptor()()
