"""Resource versions are numbers that grow."""

import pytest

from djangotasks_operator.runtime.versions import newer


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [("10", "9", True), ("9", "10", False), ("9", "9", False), ("1", "", True), ("", "1", False), ("", "", False)],
)
def test_a_newer_version_is_a_larger_number(version: str, than: str, expected: bool) -> None:
    assert newer(version, than) is expected
