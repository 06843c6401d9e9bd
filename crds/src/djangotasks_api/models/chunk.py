"""A chunk: a task that calls its function once for each item of a list."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import CHUNK, ERROR_TYPE_MAX_CHARS, ITEM_ERRORS_MAX, ITEM_MESSAGE_MAX_CHARS
from djangotasks_api.models.base import Count, Model, within
from djangotasks_api.names import RANGES_PATTERN
from djangotasks_api.workflow.bounds import RANGES_MAX_CHARS

Ranges = Annotated[str, StringConstraints(pattern=RANGES_PATTERN, max_length=RANGES_MAX_CHARS)]


class Chunk(Model):
    """That a task is a chunk. The list is the member `each` of its payload."""

    size: Annotated[int, within(CHUNK)]
    """How many items the list has."""

    only: Ranges | None = None
    """The items that the function is called for, by their positions, such as 0-3,7. Default: all."""


class ItemError(Model):
    """Why an item failed."""

    item: Count
    """Its position in the list."""

    type: Annotated[str, StringConstraints(max_length=ERROR_TYPE_MAX_CHARS)]
    """The dotted path of the exception's class."""

    message: Annotated[str, StringConstraints(max_length=ITEM_MESSAGE_MAX_CHARS)]
    """The class and the first line of what it says."""


class ItemsStatus(Model):
    """What became of the items of a chunk that has not succeeded as a whole. Its result has theirs, and null for the
    others."""

    completed: Ranges = ""
    """The items that succeeded, by their positions, such as 0-3,7. No further attempt runs them."""

    failed: Ranges = ""
    """The items that failed and are not tried again."""

    errors: Annotated[list[ItemError], Field(max_length=ITEM_ERRORS_MAX)] = []
    """Why items failed: of the first of them, as many as are kept."""
