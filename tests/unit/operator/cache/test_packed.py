"""What is packed comes back as it was, and takes little."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from djangotasks_operator.cache.packed import Packer

EXAMPLE = {"cron": ["0 2 * * *"], "timeZone": "UTC", "task": {"task": "shop.tasks.nightly", "queue": "default"}}
PACKER = Packer(EXAMPLE)


@given(
    st.dictionaries(st.text(max_size=9), st.one_of(st.text(max_size=3000), st.integers(-(2**63), 2**63 - 1), st.none()))
)
def test_it_comes_back_as_it_was(value: dict[str, Any]) -> None:
    assert PACKER.unpack(PACKER.pack(value)) == value


def test_what_is_like_the_example_takes_a_fraction() -> None:
    assert len(PACKER.pack(EXAMPLE | {"timeZone": "Asia/Kolkata"})) < 40
