"""The generated files are up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from djangotasks_api import schema


@pytest.mark.thorough
def test_each_kind_has_a_file_in_both_places() -> None:
    kinds = ("djangotaskholds", "djangotaskqueues", "djangotasks", "djangotaskschedules", "djangotaskworkflows")
    assert sorted(schema.files()) == sorted(folder / f"{kind}.yaml" for folder in schema.TARGETS for kind in kinds)


def test_the_check_ends_red_with_the_files_that_are_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "ROOT", tmp_path)
    texts = {tmp_path / "crds" / "djangotasks.yaml": "kind: …\n"}
    monkeypatch.setattr("sys.argv", ["schema", "--check"])
    assert schema.generate(texts, "what it writes") == 1
    assert "stale: crds/djangotasks.yaml\n" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["schema"])
    assert schema.generate(texts, "what it writes") == 0
    assert "wrote: crds/djangotasks.yaml\n" in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["schema", "--check"])
    assert schema.generate(texts, "what it writes") == 0
