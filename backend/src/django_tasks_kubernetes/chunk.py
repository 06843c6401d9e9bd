"""What is known of a chunk: a task that calls its function once for each item of a list. For chunks alone."""

from dataclasses import dataclass, field
from typing import Any, Self

from django_tasks_kubernetes.lazy import LazyValue, value_of
from djangotasks_api.items import ItemError, ItemsReport, to_run, wanted
from djangotasks_api.workflow import json_text
from djangotasks_api.workflow.ranges import Indexes


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """The items of a task, by their positions in the list that is its first argument."""

    size: int
    """How many items the list has."""

    only: str | None = None
    """The items that the function is called for, such as 0-3,7. None for all."""

    items: ItemsReport = field(default_factory=ItemsReport)
    """What became of them, where the task has not succeeded."""

    text: LazyValue | str | None = field(default=None, repr=False, compare=False)
    """What they have returned so far, as the JSON text of a list."""

    @classmethod
    def of(cls, size: int, only: str | None, status: Any, text: LazyValue | str | None) -> Self:
        """From a resource: `status` is its status.items. Raises ValueError where somebody else has written it."""
        return cls(size=size, only=only, items=ItemsReport.from_data(status) if status else ItemsReport(), text=text)

    @property
    def wanted(self) -> Indexes:
        """The items that the function is called for."""
        return wanted(self.size, self.only)

    @property
    def completed(self) -> Indexes:
        """The items that succeeded; none is named once the task has succeeded: then all of them did."""
        return Indexes.parse(self.items.completed)

    @property
    def failed(self) -> Indexes:
        """The items that failed for good."""
        return Indexes.parse(self.items.failed)

    @property
    def to_run(self) -> Indexes:
        """The items that an attempt now would run."""
        return to_run(self.size, self.only, self.items.completed, self.items.failed)

    @property
    def errors(self) -> tuple[ItemError, ...]:
        """Why items failed: of the first of them, as many as are kept."""
        return self.items.errors

    def results(self) -> dict[int, str]:
        """What the items that succeeded have returned, as JSON texts. Raises StorageFailed, and ValueError where it
        cannot be read."""
        text = value_of(self.text)
        listed = json_text.items(text) if text is not None else None
        if listed is None or len(listed) != self.size:
            return {}
        return {position: listed[position] for position in self.completed if position < self.size}
