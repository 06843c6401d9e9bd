"""Pages of results arrive as they were sent, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.input_pages import InputPage
from djangotasks_api.stored import TextRef

FILE = TextRef(storage="tasks", name="djangotasks/shop/a.result-1.x.json", size=3, sha256="0" * 64)
# Of any characters: a pod's report is JSON text of its own making.
RESULTS = st.dictionaries(st.integers(0, 99_999), st.just(FILE) | st.text(st.characters(), max_size=9), max_size=5)
PAGES = st.builds(
    InputPage,
    results=RESULTS,
    width=st.none() | st.integers(0, 99),
    item=st.none() | st.integers(0, 99),
    following=st.none() | st.text(max_size=5),
)


@given(PAGES)
def test_a_page_is_exact(page: InputPage) -> None:
    assert InputPage.parse(b"".join(page.lines())) == page


@given(PAGES)
def test_a_page_that_is_cut_is_none(page: InputPage) -> None:
    for count in range(len(lines := list(page.lines()))):
        with pytest.raises(ValueError, match=r"."):
            InputPage.parse(b"".join(lines[:count]))


@pytest.mark.parametrize("text", [b"", b"[]\n[]\n", b"{}\n{}\n", b'{"width":1,"item":null}\n{"end":true}\n', b"<html>"])
def test_what_is_no_page_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        InputPage.parse(text)
