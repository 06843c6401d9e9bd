"""Private words are found in sentences and in identifiers, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import words


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The operator is told.", "told"),
        ("told_at = None", "told"),
        ("def is_told(self):", "told"),
        ("class TaskTold:", "told"),
        ("TOLD_SECONDS = 5", "told"),
        ("An event that is no news.", "news"),
        ("It is looked at each second.", "looked at"),
        ("It is looked\n    # at each second.", "looked at"),
        ("def test_a_queue_is_looked_at():", "looked at"),
        ("What nobody waits for.", "nobody waits"),
    ],
)
def test_a_private_word_is_found(text: str, word: str) -> None:
    assert [found for _, found in words.found(text)] == [word]


@pytest.mark.parametrize("text", ["newsletter", "It unfolded.", "bold", "manewer", "Newsroom", "He looked past it."])
def test_a_word_that_contains_a_private_one_is_not_found(text: str) -> None:
    assert list(words.found(text)) == []


def test_a_private_word_is_found_on_its_line() -> None:
    assert list(words.found("first\nsecond: told\n")) == [(2, "told")]


def test_a_private_word_ends_red_with_its_place_and_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("# Title\nYou are told of it.\n")
    monkeypatch.setattr(words, "ROOT", tmp_path)
    assert words.main() == 1
    assert capsys.readouterr().out == 'README.md:2: "told": write reported, sent, notified, dispatched\n'
    (tmp_path / "README.md").write_text("# Title\n")
    assert words.main() == 0


def test_every_exception_has_a_reason_and_a_file() -> None:
    for rule in words.EXCEPTIONS:
        assert rule.reason
        assert list(words.ROOT.glob(rule.path)), rule.path
