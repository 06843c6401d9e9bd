"""Tokens are good for one attempt of one task."""

from __future__ import annotations

import pytest

from djangotasks_operator.pods.tokens import sign, verify

KEY = b"k" * 32
TOKEN = sign(KEY, "shop", "uid", 1)


def test_the_right_token() -> None:
    assert verify([KEY], TOKEN, "shop", "uid", 1)


def test_after_a_rotation_both_keys_are_good() -> None:
    new = b"n" * 32
    for keys in ([new, KEY], [KEY, new]):
        assert verify(keys, TOKEN, "shop", "uid", 1)
        assert verify(keys, sign(new, "shop", "uid", 1), "shop", "uid", 1)
    assert not verify([new], TOKEN, "shop", "uid", 1)
    assert not verify([], TOKEN, "shop", "uid", 1)


@pytest.mark.parametrize(
    ("key", "token", "namespace", "uid", "attempt"),
    [
        (b"x" * 32, TOKEN, "shop", "uid", 1),
        (KEY, TOKEN, "bank", "uid", 1),
        (KEY, TOKEN, "shop", "other", 1),
        (KEY, TOKEN, "shop", "uid", 2),
        (KEY, TOKEN[:-1], "shop", "uid", 1),
        (KEY, "", "shop", "uid", 1),
        (KEY, "ü", "shop", "uid", 1),
        (KEY, "\udcff", "shop", "uid", 1),
    ],
)
def test_any_other(key: bytes, token: str, namespace: str, uid: str, attempt: int) -> None:
    assert not verify([key], token, namespace, uid, attempt)
