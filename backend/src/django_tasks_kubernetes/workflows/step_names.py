"""Names of steps, from those of their functions. Pure."""

import re
from collections.abc import Container

from djangotasks_api.bounds import STEP_NAME_MAX_CHARS
from djangotasks_api.workflow.graph import is_indexed


def step_name(function: str, taken: Container[str]) -> str:
    """A name that is not taken: the function's, in lower case, cut, and numbered from the second one on."""
    base = re.sub("[^a-z0-9]+", "-", function.lower()).strip("-") or "step"
    number = 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        name = base[: STEP_NAME_MAX_CHARS - len(suffix)].rstrip("-") + suffix
        # One that ends in a date, such as backfill_20261130, may be cut to what a task of a map is called.
        if name not in taken and not is_indexed(name):
            return name
        number += 1
