"""Python's garbage collector, kept away from what every task pays for: setting Django up, and the end of the process.

What is made while a project is set up stays, so to look there for garbage finds none; and a process that ends looks
through all of it once more. Measured: docs/decisions/34.
"""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django_tasks_kubernetes.runner.log import logger

# What the collector does: "default" for all that Python does by itself.
GC_VARIABLE: Final = "DJANGOTASKS_GC"
DEFAULT: Final = "default"


@contextmanager
def paused() -> Iterator[None]:
    """Collect no garbage inside. What exists afterwards is never examined again (`gc.freeze`); what the task makes is
    collected as usual.

    A project that turns the collector off, or sets thresholds of its own, has it so: they are what is set here, too,
    and not `gc.disable()`.
    """
    wanted = os.environ.get(GC_VARIABLE)
    if wanted == DEFAULT:
        yield
        return
    if wanted:
        logger.warning("%s must be %r, or not be set; not %r.", GC_VARIABLE, DEFAULT, wanted)
    before = gc.get_threshold()
    # A threshold of 0 starts no collection, in all versions and builds of Python.
    gc.set_threshold(0, *before[1:])
    try:
        yield
    finally:
        gc.freeze()
        if gc.get_threshold()[0] == 0:
            gc.set_threshold(*before)
