"""Who has an attempt's token has signed what it signed."""

import pytest

from djangotasks_api.signing import SIGNATURE_CHARS, is_signed, signature

GIVEN = signature("the body", "mine")


@pytest.mark.parametrize(
    ("body", "given", "tokens", "expected"),
    [
        ("the body", GIVEN, ["mine"], True),
        ("the body", GIVEN, ["another", "mine"], True),
        ("the body", GIVEN, ["another"], False),
        ("the body", GIVEN, [], False),
        ("another body", GIVEN, ["mine"], False),
        ("the body", GIVEN[:-1], ["mine"], False),
        ("the body", "", ["mine"], False),
        ("the body", "\ud800", ["mine"], False),
    ],
)
def test_a_signature_is_of_one_token_and_one_body(body: str, given: str, tokens: list[str], expected: bool) -> None:
    assert is_signed(body, given, tokens) is expected


def test_a_signature_has_one_length() -> None:
    assert {len(signature(body, "mine")) for body in ("", "x" * 10_000, "\ud800")} == {SIGNATURE_CHARS}
