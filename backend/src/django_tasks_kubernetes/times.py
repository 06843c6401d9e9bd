"""Times on the wire (RFC 3339, UTC, microseconds) and as Django shows them. Needs no settings for aware times."""

from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone


def to_wire(moment: datetime) -> str:
    """RFC 3339 in UTC. A naive time, which Django allows without USE_TZ, is in the settings' TIME_ZONE."""
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def from_wire(text: str | None) -> datetime | None:
    """As `django.utils.timezone.now()` would have given it: aware, unless USE_TZ is off."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if settings.USE_TZ:
        return moment.astimezone(UTC)
    return timezone.make_naive(moment, timezone.get_default_timezone())
