"""A file descriptor that is kept for the outcome: a task may leave none, and both ways of the outcome need one."""

import os
from collections.abc import Callable
from contextlib import suppress


def keep_descriptor() -> Callable[[], None]:
    """Keep one until what is returned is called."""
    try:
        number = os.open(os.devnull, os.O_RDONLY)
        kept = os.fstat(number)
    except OSError:
        return lambda: None

    def release() -> None:
        # Unless the task has closed it, as what starts a daemon closes all: then the number may be another's.
        with suppress(OSError):
            if os.path.samestat(os.fstat(number), kept):
                os.close(number)

    return release
