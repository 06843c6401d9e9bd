"""Count the defects that the log has, for an alert: most of them end nothing, and leave one object alone."""

import contextlib
import logging
from collections.abc import Callable, Iterator


class DefectCounter(logging.Handler):
    """Counts errors that were logged with a traceback, also those that the log leaves out as too many."""

    def __init__(self, count: Callable[[], object]) -> None:
        super().__init__(logging.ERROR)
        self._count = count

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[0]:
            self._count()


@contextlib.contextmanager
def counted_defects(count: Callable[[], object]) -> Iterator[None]:
    """Call `count` for each defect of the operator within the context."""
    logger, handler = logging.getLogger("djangotasks_operator"), DefectCounter(count)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
