"""Django's list of objects, over rows that come from the cluster in the place of a query set."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, overload

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.http import HttpRequest
from django.utils.translation import gettext as _

from django_tasks_kubernetes.admin.criteria import Criteria, WrongCriteria, criteria_of, only_queue
from django_tasks_kubernetes.admin.page import is_fresh
from django_tasks_kubernetes.admin.parts import PART
from django_tasks_kubernetes.admin.places import Place, place_of
from django_tasks_kubernetes.admin.reading import Reading, View, read
from django_tasks_kubernetes.models import Task
from django_tasks_kubernetes.presentation.rows import Row

if TYPE_CHECKING:
    from django_tasks_kubernetes.admin.base import ClusterAdmin
    from django_tasks_kubernetes.admin.keeping import Answer

# Parameters that are of one request, and no link repeats.
VOLATILE: Final = ("fresh", "older", PART)
OLDER: Final = "older"


class Selection(Sequence[Task]):
    """Tasks, with as much of a QuerySet as the admin's list and its actions ask of one. An object is made where one is
    asked for: of a thousand rows, a page shows fifty."""

    model = Task
    ordered = True

    def __init__(self, place: Place | None = None, rows: Sequence[Row] = ()) -> None:
        self._place, self._rows = place, rows

    @overload
    def __getitem__(self, index: int) -> Task: ...
    @overload
    def __getitem__(self, index: slice) -> "Selection": ...
    def __getitem__(self, index: int | slice) -> "Task | Selection":
        if isinstance(index, slice):
            return Selection(self._place, self._rows[index])
        return self._task(self._rows[index])

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Task]:
        return map(self._task, self._rows)

    def count(self, value: Any = None) -> int:
        return len(self._rows)

    def filter(self, *, pk__in: Iterable[str]) -> "Selection":
        wanted = set(pk__in)
        return Selection(self._place, [row for row in self._rows if self._pk(row) in wanted])

    def _clone(self) -> "Selection":
        return self

    def _task(self, row: Row) -> Task:
        """The object that the admin shows, with its row."""
        task = Task.shown(self._pk(row), row.task)
        task.row = row  # type: ignore[attr-defined]
        return task

    def _pk(self, row: Row) -> str:
        return row.id if self._place is None else self._place.pk(row.id)


class TaskList(ChangeList):
    """The newest tasks that match. Complete, it can be sorted by each column; else it says of how many these are."""

    model_admin: "ClusterAdmin"

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Any:
        older = self.params.get(OLDER)
        for name in VOLATILE:
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        place = place_of(self.params.get("backend"))
        try:
            criteria = criteria_of(self.params, self.query)
        except WrongCriteria as error:
            raise IncorrectLookupParameters(str(error)) from error
        if place is None:
            raise IncorrectLookupParameters("backend")
        self.place = place
        rows = self._read(request, criteria, older)
        request.djangotasks_rows = rows  # type: ignore[attr-defined]
        self.filter_specs, self.has_filters, unknown, _dup, self.has_active_filters = self.get_filters(request)
        if unknown:
            raise IncorrectLookupParameters(", ".join(unknown))
        self.clear_all_filters_qs = self.get_query_string(remove=self.get_filters_params())
        return Selection(place, self._in_order(rows))

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.title = _("Tasks")

    @property
    def reading(self) -> Reading | None:
        """None where the cluster did not answer."""
        return self.answer.value

    @property
    def is_complete(self) -> bool:
        """Whether these are all that match."""
        return self.reading is not None and self.reading.is_complete

    @property
    def is_newest(self) -> bool:
        """Whether none is missing between them."""
        return self.reading is None or self.reading.is_newest

    @property
    def number(self) -> int | None:
        """How many there are, where these are not all, and somebody knows."""
        return self.reading.number if self.reading is not None and self.allowed is None else None

    @property
    def read_rows(self) -> int:
        """How many of them were read."""
        return len(self.reading.rows) if self.reading is not None else 0

    @property
    def older_link(self) -> str | None:
        """The address of those that come after these."""
        if self.reading is None or self.reading.older is None:
            return None
        return self.get_query_string({OLDER: self.reading.older})

    def _read(self, request: HttpRequest, criteria: Criteria, older: str | None) -> list[Row]:
        self.allowed = self.model_admin.queues_for(request)
        limit = self.model_admin.list_max_read
        if not criteria.queue:
            criteria = replace(criteria, queue=only_queue(self.allowed))
        # Of some queues those of others are left out, so that few of the newest would be none.
        is_all = self.allowed is None and not (criteria.fields or criteria.labels or criteria.asks_rows)
        first = min(self.model_admin.list_first_read, limit) if is_all else limit
        view = View(fields=criteria.fields, labels=criteria.labels, limit=limit, first=first, older=older)
        self.answer: Answer[Reading] = read(self.place, view, fresh=is_fresh(request))
        if self.answer.value is None:
            return []
        self.is_narrowed = criteria.asks_rows
        now, allowed = datetime.now(UTC), self.allowed
        return [
            row
            for row in self.answer.value.rows
            if criteria.matches(row, now) and (allowed is None or row.queue in allowed)
        ]

    def _in_order(self, rows: list[Row]) -> list[Row]:
        """In the order that was asked for; where these are not all, only the newest first is true."""
        if not self.is_complete:
            self.sortable_by = ()
            self.params.pop(ORDER_VAR, None)
            self.filter_params.pop(ORDER_VAR, None)
            return rows
        for part in reversed([part for part in self.params.get(ORDER_VAR, "").split(".") if part]):
            _none, sign, index = part.rpartition("-")
            try:
                column = self.list_display[int(index)]
            except (ValueError, IndexError):
                continue
            # A column of a project may be ordered by what rows do not have, such as an expression, or backwards.
            order = str(self.get_ordering_field(column))
            if hasattr(Row, attribute := order.removeprefix("-")):
                key = partial(_sort_key, attribute)
                rows = sorted(rows, key=key, reverse=(sign == "-") != order.startswith("-"))
        return rows


def _sort_key(attribute: str, row: Row) -> tuple[bool, Any]:
    value = getattr(row, attribute)
    return value is not None, value
