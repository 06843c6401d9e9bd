"""A program of the benchmarks is ready in the block, and gone after it."""

import os
from pathlib import Path

import pytest

from benchmarks.child import child

CODE = """
import sys
first = sys.stdin.readline().strip()
print("ready" if first == "go" else first, flush=True)
print("a line of its log", file=sys.stderr, flush=True)
for line in sys.stdin:
    print(line.strip() * 2, flush=True)
"""


@pytest.mark.thorough
def test_lines_are_answered_until_the_end_of_the_block(tmp_path: Path) -> None:
    with child("go", tmp_path / "log", "-c", CODE) as this:
        assert (this.ask("ab"), this.ask("c")) == ("abab", "cc")
    with pytest.raises(ProcessLookupError):
        os.kill(this.pid, 0)


@pytest.mark.thorough
def test_one_that_does_not_get_ready_shows_its_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("why\n")
    with pytest.raises(AssertionError, match="why"), child("stay", tmp_path / "log", "-c", CODE):
        pass
