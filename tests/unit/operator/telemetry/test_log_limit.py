"""Lines that repeat are left out, counted, and no others."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.telemetry.log_limit import LogLimit

DEFECT = "%s: a defect; trying again in %.1f s"


class Log:
    """What gets through."""

    def __init__(self) -> None:
        self.now = 0.0
        self.limit = LogLimit(lambda: self.now)
        self.lines: list[str] = []

    def say(self, message: str, *arguments: Any, level: int = logging.WARNING, name: str = "a") -> None:
        record = logging.LogRecord(name, level, "", 1, message, arguments, None)
        if self.limit.filter(record):
            self.lines.append(record.getMessage())


def test_what_repeats_about_one_object_is_left_out_and_counted() -> None:
    log = Log()
    for number in range(100):
        log.say(DEFECT, Key("shop", "a"), float(number))
    assert len(log.lines) == 5
    log.say(DEFECT, Key("shop", "b"), 1.0)
    log.say("another reason: %s", Key("shop", "a"))
    assert len(log.lines) == 7
    log.now = 61
    log.say(DEFECT, Key("shop", "a"), 1.0)
    assert log.lines[-1].endswith("(95 such lines were left out before)")


@pytest.mark.thorough
def test_the_same_about_many_objects_is_bounded() -> None:
    log = Log()
    for number in range(10_000):
        log.say("queue %s/%s: its pod template", "shop", f"q{number}", level=logging.ERROR)
    assert len(log.lines) == 100
    log.say("another", level=logging.ERROR)
    assert log.lines[-1] == "another"


def test_names_of_any_length_are_cut() -> None:
    log = Log()
    for number in range(100):
        log.say("%s", "x" * 10_000_000 if number % 2 else "x" * 10_000)
    assert len(log.lines) == 5


def test_what_another_attempt_says_is_the_same_line() -> None:
    """kopf's are formatted when they come, and its watch of a namespace that was deleted is tried for ever."""
    log = Log()
    for number in range(10, 100):
        for namespace in ("shop", "bank"):
            url = f"https://10.96.0.1:443/apis/djangotasks.dev/v1alpha1/namespaces/{namespace}/djangotaskqueues"
            log.say(f"Request attempt #{number} failed; will retry: GET {url} -> forbidden", level=logging.ERROR)
    assert len(log.lines) == 2 * 5
    assert log.lines[-1].startswith("Request attempt #14 failed; will retry: GET https://10.96.0.1:443/")


@pytest.mark.parametrize("arguments", [(), ({"a": 1},), (None, 1)])
def test_lines_of_any_form_pass(arguments: tuple[Any, ...]) -> None:
    log = Log()
    log.limit.filter(logging.LogRecord("a", logging.ERROR, "", 1, object(), arguments, None))


def test_transitions_are_not_limited() -> None:
    log = Log()
    for _ in range(1000):
        log.say("%s/%s: Queued -> Running", "shop", "a", level=logging.INFO)
    assert len(log.lines) == 1000
