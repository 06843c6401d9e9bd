"""Limit what repeats in the log: a tenant's broken object, or a node that is away, must not fill it.

Nothing is lost silently: the next line of a kind says how many were left out before it.
"""

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable

from djangotasks_operator.runtime.rate_limit import TokenBuckets

# Warnings and errors about one object for one reason: so many at once, then one a minute.
OBJECT_BURST, OBJECT_PER_SECOND = 5, 1 / 60
# The same about all objects: so many at once, and a second.
ALL_BURST, ALL_PER_SECOND = 100, 2.0
REMEMBERED_MAX = 4096
ARGUMENT_MAX_CHARS = 128
# kopf's lines come formatted, with the number of the attempt: it makes no other line of what repeats.
NUMBERS = re.compile(r"[0-9]+")

type Subject = tuple[str, ...]


class LogLimit(logging.Filter):
    """Leaves out warnings and errors that repeat too often. Other lines are about writes, and bounded by these."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._objects = TokenBuckets[Subject](OBJECT_BURST, OBJECT_PER_SECOND, REMEMBERED_MAX, clock)
        self._all = TokenBuckets[Subject](ALL_BURST, ALL_PER_SECOND, REMEMBERED_MAX, clock)
        self._left_out: OrderedDict[Subject, int] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        words = NUMBERS.sub("", str(record.msg)[: 2 * ARGUMENT_MAX_CHARS])
        kind = (record.name, words[:ARGUMENT_MAX_CHARS])
        subject = (*kind, *_names(record))
        if self._objects.reserve(subject) or self._all.reserve(kind):
            self._left_out[subject] = self._left_out.get(subject, 0) + 1
            self._left_out.move_to_end(subject)
            if len(self._left_out) > REMEMBERED_MAX:
                self._left_out.popitem(last=False)
            return False
        if number := self._left_out.pop(subject, 0):
            record.msg = f"{record.msg} ({number} such lines were left out before)"
        return True


def _names(record: logging.LogRecord) -> Subject:
    """What the line is about: its first two arguments, where they are texts or keys."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    return tuple(str(value)[:ARGUMENT_MAX_CHARS] for value in arguments[:2] if isinstance(value, str | tuple))
