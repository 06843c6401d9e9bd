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
    first=st.integers(0, 99),
    chunk=st.none() | st.integers(1, 99),
    indexes=st.sampled_from(["", "0-3,7"]),
    item=st.none() | st.integers(0, 99),
    count=st.none() | st.integers(1, 99),
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


def test_a_page_without_chunks_is_as_older_images_know_it() -> None:
    lines = list(InputPage(results={0: "1"}, width=1).lines())
    assert lines[:2] == [b'{"width":1,"item":null}\n', b'{"index":0,"result":"1"}\n']


@pytest.mark.parametrize("page", [InputPage(results={0: "[1]"}, chunk=2), InputPage(results={0: "[1]"}, count=1)])
def test_older_images_do_not_take_a_chunk_for_a_result(page: InputPage) -> None:
    assert all(b'index"' not in line for line in list(page.lines())[1:])


@pytest.mark.parametrize("text", [b"", b"[]\n[]\n", b"{}\n{}\n", b'{"width":1,"item":null}\n{"end":true}\n', b"<html>"])
def test_what_is_no_page_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        InputPage.parse(text)
