"""What became of the items of a chunk, as it travels: with the outcome of an attempt that failed, from one that is
ended before it was done, and to the next one. The standard library alone.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Self

from djangotasks_api.bounds import ERROR_TYPE_MAX_CHARS, ITEM_ERRORS_MAX, ITEM_MESSAGE_MAX_CHARS
from djangotasks_api.report_fields import InvalidReport, load, result_ref
from djangotasks_api.stored import TextRef
from djangotasks_api.workflow.bounds import RANGES_MAX_CHARS
from djangotasks_api.workflow.ranges import Indexes

# The endpoint for them: GET what earlier attempts have left, POST what this one leaves.
ITEMS: Final = "items"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemError:
    """Why an item failed."""

    item: int
    """Its position in the list."""

    type: str
    """The dotted path of the exception's class."""

    message: str
    """The class and the first line of what it says."""

    def to_data(self) -> dict[str, Any]:
        return {"item": self.item, "type": self.type, "message": self.message}

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Raises InvalidReport."""
        match data:
            case {"item": int(item), "type": str(type_), "message": str(message)} if item >= 0 and item is not True:
                return cls(item=item, type=type_[:ERROR_TYPE_MAX_CHARS], message=message[:ITEM_MESSAGE_MAX_CHARS])
            case _:
                raise InvalidReport("an error of an item must have its position, a type and a message")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsReport:
    """Sets of items are written as those of a workflow: 0-811,813."""

    completed: str = ""
    """The items that succeeded, in this attempt or before."""

    failed: str = ""
    """The items that failed, and are not tried again."""

    errors: tuple[ItemError, ...] = ()

    result: str | None = None
    """The list of what they have returned as JSON text, with null for the others."""

    result_ref: TextRef | None = None
    """The file that holds it instead."""

    def to_status(self) -> dict[str, Any]:
        """The status.items of a DjangoTask, which has the result beside it."""
        errors = [error.to_data() for error in self.errors]
        return {"completed": self.completed, "failed": self.failed, "errors": errors}

    def to_data(self) -> dict[str, Any]:
        data = self.to_status()
        if self.result_ref is not None:
            data["resultRef"] = self.result_ref.to_data()
        elif self.result is not None:
            data["result"] = self.result
        return data

    def to_json(self) -> str:
        return json.dumps(self.to_data(), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises InvalidReport with the field that is wrong."""
        return cls.from_data(load(text))

    @classmethod
    def from_data(cls, data: Any) -> Self:
        """Raises InvalidReport with the field that is wrong."""
        if not isinstance(data, dict):
            raise InvalidReport("items must be an object")
        result, errors = data.get("result"), data.get("errors") or ()
        if not (result is None or isinstance(result, str)):
            raise InvalidReport("result must be a string that holds JSON")
        if not isinstance(errors, (list, tuple)):
            raise InvalidReport("errors must be a list")
        return cls(
            completed=_ranges(data, "completed"),
            failed=_ranges(data, "failed"),
            errors=tuple(map(ItemError.from_data, errors[:ITEM_ERRORS_MAX])),
            result=result,
            result_ref=result_ref(data),
        )


def wanted(size: int, only: str | None) -> Indexes:
    """The items that a chunk calls its function for. Raises ValueError where `only` is no set of positions."""
    return Indexes.below(size) if only is None else Indexes.parse(only)


def to_run(size: int, only: str | None, completed: str, failed: str) -> Indexes:
    """Those of them that an attempt now has to run. Raises ValueError."""
    return wanted(size, only).without(Indexes.parse(completed)).without(Indexes.parse(failed))


def kept(errors: Iterable[ItemError]) -> tuple[ItemError, ...]:
    """Of the errors as many as are kept: those of the first items."""
    return tuple(sorted(errors, key=lambda error: error.item)[:ITEM_ERRORS_MAX])


def _ranges(data: dict[str, Any], key: str) -> str:
    text = data.get(key) or ""
    try:
        if not isinstance(text, str) or len(text) > RANGES_MAX_CHARS:
            raise ValueError(text)
        return str(Indexes.parse(text))
    except ValueError:
        raise InvalidReport(f"{key} must be positions in order, such as 0-3,7") from None
