"""Which Go can be used."""

import pytest

from tools.cluster.golang.toolchain import new_enough


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("go version go1.26.8 linux/amd64", True),
        ("go version go1.21 linux/arm64", True),
        ("go version go1.19.8 linux/amd64", False),
        ("go version devel", False),
    ],
)
def test_which_go_can_fetch_another(text: str, enough: bool) -> None:
    assert new_enough(text) is enough
