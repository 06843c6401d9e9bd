"""One line for people, of what was raised."""

import traceback

import pytest

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.text import LINE_MAX_CHARS, first_line, headline, stored_bytes


def formatted(error: BaseException) -> str:
    try:
        raise error
    except BaseException as raised:  # noqa: BLE001
        return "".join(traceback.format_exception(raised))


def with_note(error: Exception, note: str) -> Exception:
    error.add_note(note)
    return error


def chained() -> Exception:
    try:
        raise KeyError("first")
    except KeyError as error:
        second = ValueError("second")
        second.__cause__ = error
        return second


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("no such order 7"), "ValueError: no such order 7"),
        (ValueError(), "ValueError"),
        (ValueError("1 validation error for Order\nage\n  Input should be a number"), "ValueError: 1 validation error for Order"),
        (ValueError("duplicate key\nDETAIL:  Key (email)=(jane@example.com) already exists."), "ValueError: duplicate key"),
        (with_note(ValueError("no"), "while importing file.csv"), "ValueError: no"),
        (ValueError("no\nsee https://docs"), "ValueError: no"),
        (chained(), "ValueError: second"),
        (ExceptionGroup("several", [ValueError("a"), KeyError("b")]), "ExceptionGroup: several (2 sub-exceptions)"),
    ],
)  # fmt: skip
def test_headline_of_a_traceback(error: Exception, expected: str) -> None:
    assert headline(formatted(error)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("OOMKilled: over its limit", "OOMKilled: over its limit"),
        ("  indented alone", "indented alone"),
        ("Traceback (most recent call last):\n  cut", "cut"),
    ],
)
def test_headline_of_other_texts(text: str, expected: str) -> None:
    assert headline(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n\n  boom  \nmore", "boom"),
        ("RPC that terminated with:\n\tstatus = UNAVAILABLE\n\tmore", "RPC that terminated with: status = UNAVAILABLE"),
        ("x" * 10_000, "x" * (LINE_MAX_CHARS - 1) + "…"),
        ("a\u2028b", "a"),
        ("\n*****\n  Resource punkt not found.\n*****\n", "Resource punkt not found."),
        ("Failed:\n------\n  no such order", "Failed: no such order"),
        ("┌──────┐\n│ boom │\n└──────┘", "│ boom │"),
        ("***\n---", "***"),
    ],
)  # fmt: skip
def test_first_line(text: str, expected: str) -> None:
    assert first_line(text) == expected


def test_stored_bytes_are_those_of_gos_encoder() -> None:
    """k8s.io/apimachinery encodes custom resources by encoding/json, with its escapes for HTML."""
    assert stored_bytes("[1]") == 3
    assert stored_bytes('"a\\n<b>&"') == len(r"\"a\\n\u003cb\u003e\u0026\"")
    assert stored_bytes("<" * RESULT_MAX_BYTES) == 6 * RESULT_MAX_BYTES
