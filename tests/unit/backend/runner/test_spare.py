"""The file descriptor that is kept for the outcome."""

import os
from pathlib import Path

from django_tasks_kubernetes.runner.spare import Spare


def _lowest() -> int:
    number = os.open(os.devnull, os.O_RDONLY)
    os.close(number)
    return number


def test_a_descriptor_is_kept_and_released() -> None:
    lowest = _lowest()
    spare = Spare(os.devnull, os.O_RDONLY)
    assert _lowest() > lowest
    spare.release()
    assert _lowest() == lowest


def test_a_number_that_is_another_files_by_now_is_left(tmp_path: Path) -> None:
    number = _lowest()
    spare = Spare(os.devnull, os.O_RDONLY)
    os.close(number)
    with (tmp_path / "file").open("w") as file:
        assert file.fileno() == number
        assert spare.number is None
        spare.release()
        assert os.fstat(number).st_size == 0
    spare.release()


def test_a_process_without_descriptors_goes_on() -> None:
    spare = Spare("/nowhere/null", os.O_RDONLY)
    assert spare.number is None
    spare.release()
