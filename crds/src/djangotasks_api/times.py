"""Times as people and tenants write them, made usable. The standard library alone."""

from datetime import UTC, datetime
from typing import Final

LATEST: Final = datetime.max.replace(tzinfo=UTC)


def in_utc(at: datetime) -> datetime:
    """The same time in UTC. One in the last hours of the year 9999, in a zone that is behind, has no date there: it is
    the last one that there is."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return LATEST
