"""The fields of a report, parsed and checked: a report is the word of a pod, which may be wrong or hostile."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS, RETRY_AFTER_SECONDS, YEARS
from djangotasks_api.names import DNS_LABEL_PATTERN
from djangotasks_api.stored import TextRef

# Greater numbers become infinite as floats.
AMOUNT_MAX: Final = sys.float_info.max
_LABEL: Final = re.compile(DNS_LABEL_PATTERN.removesuffix("$"))


class InvalidReport(ValueError):
    """The bytes are not a report of this API."""


def load(text: str | bytes) -> Mapping[str, Any]:
    """Parse a JSON object. Raises InvalidReport."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidReport("not JSON") from None
    if not isinstance(data, dict):
        raise InvalidReport("not a JSON object")
    for value in _texts(data):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidReport("a half of a character (a lone surrogate), which nothing can store") from None
    return data


def _texts(data: Mapping[str, Any]) -> Iterator[str]:
    """The texts of a report, where its fields are. What is nested more deeply is dropped, and not worth a look."""
    for value in data.values():
        for text in value.values() if isinstance(value, dict) else (value,):
            if isinstance(text, str):
                yield text


def timestamp(data: Mapping[str, Any], key: str) -> str:
    """The time in a field, checked and as it was written. Raises InvalidReport."""
    value = data.get(key)
    try:
        if not isinstance(value, str):
            raise ValueError
        time = datetime.fromisoformat(value)
        if time.tzinfo is None or time.year not in YEARS:
            raise ValueError
    except ValueError:
        raise InvalidReport(
            f"{key} must be a time with its zone, in RFC 3339, from {YEARS.least} to {YEARS.most}"
        ) from None
    return value


def name(data: Mapping[str, Any], key: str) -> str:
    """The name of a resource, which is a DNS label. Raises InvalidReport."""
    value = data.get(key)
    if not isinstance(value, str) or len(value) > DNS_LABEL_MAX_CHARS or not _LABEL.fullmatch(value):
        raise InvalidReport(f"{key} must be the name of a resource")
    return value


def flag(data: Mapping[str, Any], key: str, *, default: bool) -> bool:
    value = data.get(key, default)
    if not isinstance(value, bool):
        raise InvalidReport(f"{key} must be true or false")
    return value


def retry_after(data: Mapping[str, Any]) -> float | None:
    value = data.get("retryAfterSeconds")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value not in RETRY_AFTER_SECONDS:
        raise InvalidReport("retryAfterSeconds must be a number of seconds of at most a year")
    return float(value)


def amount(data: Mapping[str, Any], key: str) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= AMOUNT_MAX:
        raise InvalidReport(f"{key} must be a number, and not below 0")
    return value


def result_ref(data: Mapping[str, Any]) -> TextRef | None:
    value = data.get("resultRef")
    try:
        return None if value is None else TextRef.from_data(value)
    except ValueError as error:
        raise InvalidReport(f"resultRef: {error}") from None
