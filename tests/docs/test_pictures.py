"""The documentation's pictures are shown somewhere, and small: a repository keeps each of them for ever."""

from __future__ import annotations

from tools.cluster import ROOT

DOCS = ROOT / "docs"
MAX_BYTES = 150_000


def test_every_picture_is_shown_and_small() -> None:
    pages = "".join(page.read_text() for page in DOCS.rglob("*.md"))
    pictures = list((DOCS / "images").glob("*.png"))
    assert pictures
    for picture in pictures:
        assert f"images/{picture.name}" in pages, picture.name
        assert picture.stat().st_size < MAX_BYTES, picture.name
