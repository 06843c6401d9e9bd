"""Times on the wire (RFC 3339, UTC, microseconds) and as Django shows them. Needs no settings for aware times."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_wire(moment: datetime) -> str:
    """RFC 3339 in UTC. A naive time, which Django allows without USE_TZ, is in the settings' TIME_ZONE.

    Where the clock is put back, its `fold` says which of the two it is, as everywhere in Python: by default the first.
    Where the clock is put forward over it, it is as long after that as it would have been.
    """
    return to_utc(moment).isoformat(timespec="microseconds").replace("+00:00", "Z")


def milliseconds(moment: datetime) -> int:
    """Since 1970, of the same time as to_wire()."""
    return (to_utc(moment) - EPOCH) // timedelta(milliseconds=1)


def to_utc(moment: datetime) -> datetime:
    """The same moment, aware: so that those of the cluster, of a table and of the clock can be compared also without
    USE_TZ. See to_wire() for a naive time."""
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return moment.astimezone(UTC)


def from_wire(text: str | None) -> datetime | None:
    """As as_django() gives it."""
    return None if text is None else as_django(datetime.fromisoformat(text))


def as_django(moment: datetime) -> datetime:
    """An aware time as `timezone.now()` would have given it, and as columns take it: aware, unless USE_TZ is off."""
    if settings.USE_TZ:
        return moment.astimezone(UTC)
    return timezone.make_naive(moment, timezone.get_default_timezone())


def time_problem(name: str, moment: Any) -> str | None:
    """What is wrong with a time, if anything."""
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return f"{name} must be a datetime, not {moment!r}."
    try:
        # As the API server has it: a year below 1000 has fewer digits, or leading zeros.
        in_range = not to_wire(moment).startswith("0")
    except OverflowError:
        in_range = False
    return None if in_range else f"{name} must be a time from the year 1000 to 9999, not {moment!r}."


def clock_change(moment: datetime) -> str | None:
    """Says what a naive time stands for that the local clock shows twice, or not at all. None for any other time."""
    if timezone.is_aware(moment):
        return None
    local = timezone.make_aware(moment, timezone.get_default_timezone())
    taken, other = (local.replace(fold=fold).astimezone(UTC) for fold in (local.fold, 1 - local.fold))
    if taken == other:
        return None
    if local.fold:
        # It is set on purpose.
        return None
    words = "is there twice, and the first is taken" if taken < other else f"does not exist, and {taken} is taken"
    return f"{moment} {words}: the clock changes on that day. Give an aware time, or set USE_TZ"
