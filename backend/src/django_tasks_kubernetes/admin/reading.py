"""The tasks of a page: a bounded read, and an honest account of what it left out."""

import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from django_tasks_kubernetes.admin.keeping import KEEPER, MOST_SECONDS, Answer
from django_tasks_kubernetes.admin.places import Place
from django_tasks_kubernetes.admin.seen import noted, was_read
from django_tasks_kubernetes.presentation.filters import EVER
from django_tasks_kubernetes.presentation.newest import NOT_IN_ORDER
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.tables import Page
from djangotasks_api.task_ids import is_in_order

# Of a page. `docs/decisions/34` has what they cost.
ROWS_MAX: Final = 1000
# Of a list that is read page by page, and how long it may take until the last of them is asked for.
PAGES_MAX: Final = 10
PAGES_SECONDS: Final = 10.0
# By place, until when all its tasks are taken to have names that tell the time.
_all_in_order: dict[Hashable, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which tasks."""

    fields: str = ""
    """A field selector."""
    labels: str = ""
    """A label selector."""
    limit: int = ROWS_MAX
    """All of them, if there are no more than that."""
    first: int = ROWS_MAX
    """If there are more, so many of the newest."""
    older: str | None = None
    """The token of an earlier read: those that come after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of a view."""

    rows: list[Row]
    """The newest first."""

    is_complete: bool
    """Whether these are all."""

    number: int | None
    """How many there are; None where that is not known."""

    older: str | None = None
    """The token for those that come after these."""

    is_newest: bool = True
    """Whether none is missing between them: those whose names do not tell the time may be too many."""


class Part[R](Protocol):
    """A page of a list."""

    @property
    def rows(self) -> Sequence[R]: ...

    @property
    def token(self) -> str | None:
        """Continues the list; None at its end."""


def pages[P: Part[Any]](
    read: Callable[[str | None], P], clock: Callable[[], float] = time.monotonic, until: float = math.inf
) -> Iterator[P]:
    """Reads a list page by page, not without end: the last page has a token where there are more. `read`: makes the
    request that a token continues the list with. `until`: by the clock, an earlier end."""
    end = min(clock() + PAGES_SECONDS, until)
    token = None
    for _number in range(PAGES_MAX):
        page = read(token)
        yield page
        token = page.token
        if token is None or clock() >= end:
            return


def rows_of[R](pages: Iterable[Part[R]]) -> tuple[list[R], bool]:
    """Those of all these pages, and whether these are all that there are."""
    rows: list[R] = []
    token = None
    for page in pages:
        rows += page.rows
        token = page.token
    return rows, token is None


def read(place: Place, view: View, *, fresh: bool = False, until: float = math.inf) -> Answer[Reading]:
    """Reads the newest tasks of a view: one request; where there are more than fit, one more for each 1,000 whose
    names do not tell the time, PAGES_MAX at most. `until`: by time.monotonic(), when it is too late for those."""
    return kept(place, view, lambda: _read(place, view, until), fresh=fresh)


def count(place: Place, *, fresh: bool = False) -> Answer[int]:
    """How many tasks there are: one request of one row."""

    def number() -> int:
        page = place.page(limit=1)
        return len(page.rows) + (page.remaining or 0)

    return kept(place, "count", number, fresh=fresh)


def kept[T](place: Place, what: Hashable, read: Callable[[], T], *, fresh: bool = False) -> Answer[T]:
    """Reads what a page shows of a place, at most as often as it costs little: see `keeping`. `what`: names it."""

    def reading() -> T:
        # Making the connection raises as a request does.
        _ = place.store
        # Of what was read for it, nothing is shown but by it.
        with noted(None):
            return read()

    def answered() -> Answer[T]:
        return KEEPER.get((*_key(place), what), reading, fresh=fresh)

    answer = answered()
    was_read(answered, answer)
    return answer


def forget() -> None:
    """Reads all again, after something was changed."""
    KEEPER.clear()
    _all_in_order.clear()


def _key(place: Place) -> tuple[Hashable, ...]:
    return type(place.backend), place.alias, _of(place)


def _of(place: Place) -> Hashable:
    """So that a store that was replaced, as in tests, has no answers of another."""
    try:
        store: Hashable = place.store
    except Exception:  # noqa: BLE001 - the read raises it again
        return None
    return store


def _read(place: Place, view: View, until: float) -> Reading:
    first = min(view.first, view.limit)
    page = place.page(fields=view.fields, labels=view.labels, limit=first, token=view.older)
    rows, number = page.rows, None
    if page.remaining is not None and view.older is None:
        number = len(rows) + page.remaining
        if page.token is not None and number <= view.limit:
            page = place.page(fields=view.fields, labels=view.labels, limit=view.limit - first, token=page.token)
            rows = [*rows, *page.rows]
    if page.token is None and view.older is None:
        return Reading(rows=_newest(rows), is_complete=True, number=len(rows))
    is_newest = True
    if view.older is None and not _is_in_order_label(view.labels):
        others, is_newest = _others(place, view, rows, until)
        rows = [*(row for row in rows if is_in_order(row.id)), *others]
    return Reading(rows=_newest(rows), is_complete=False, number=number, older=page.token, is_newest=is_newest)


def _others(place: Place, view: View, rows: list[Row], until: float) -> tuple[list[Row], bool]:
    """The newest tasks whose names do not tell the time, and whether none is missing between these rows, which are
    listed before them. All are read: such names have no order, or that of a schedule, the oldest first.

    No row gives way to one of them, since the older ones of a later page begin after these rows. The API server looks
    at each task for them, so where a read of all has found none, it is not asked again for a while."""
    key, now = _key(place), time.monotonic()
    if _all_in_order.get(key, 0.0) > now:
        return [row for row in rows if not is_in_order(row.id)], True
    if now >= until:
        return [row for row in rows if not is_in_order(row.id)], False
    labels = ",".join(term for term in (view.labels, NOT_IN_ORDER) if term)
    in_order = [row for row in rows if is_in_order(row.id)]
    # Older ones follow with a later page, where not all are read whose names tell the time.
    since = min(map(_order, in_order)) if in_order and len(in_order) == len(rows) else (EVER, "")
    found: list[Row] = []
    token: str | None = None
    number, is_cut = 0, False

    def more(token: str | None) -> Page:
        return place.page(fields=view.fields, labels=labels, limit=view.limit, token=token)

    for page in pages(more, until=until):
        number += len(page.rows)
        found += (row for row in page.rows if _order(row) >= since)
        is_cut |= len(found) > view.limit
        found = _newest(found)[: view.limit]
        token = page.token
    if number == 0 and not view.fields and not view.labels:
        _all_in_order[key] = now + MOST_SECONDS
    return found, token is None and not (is_cut and in_order)


def _is_in_order_label(labels: str) -> bool:
    return NOT_IN_ORDER in labels or NOT_IN_ORDER.removeprefix("!") in labels


def _newest(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=_order, reverse=True)


def _order(row: Row) -> tuple[datetime, str]:
    return row.enqueued_at or EVER, row.id
