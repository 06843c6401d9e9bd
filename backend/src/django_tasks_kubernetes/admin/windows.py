"""How far back a page looks, by the word in its address. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from django_tasks_kubernetes.admin.buckets import Buckets


@dataclass(frozen=True, slots=True)
class Window:
    """The time until now."""

    word: str
    title: Any
    length: timedelta
    step: timedelta
    """Of the buckets of its charts."""

    unit: Any
    """What a bar of its charts is about."""

    def buckets(self, now: datetime, zone: tzinfo) -> Buckets:
        return Buckets.until(now, self.length, self.step, zone)


WINDOWS: Final[Mapping[str, Window]] = MappingProxyType(
    {
        window.word: window
        for window in (
            Window("1h", _("1 hour"), timedelta(hours=1), timedelta(minutes=1), _("tasks per minute")),
            Window("3h", _("3 hours"), timedelta(hours=3), timedelta(minutes=3), _("tasks per 3 minutes")),
            Window("24h", _("24 hours"), timedelta(hours=24), timedelta(minutes=15), _("tasks per 15 minutes")),
            Window("7d", _("7 days"), timedelta(days=7), timedelta(hours=2), _("tasks per 2 hours")),
            Window("30d", _("30 days"), timedelta(days=30), timedelta(hours=6), _("tasks per 6 hours")),
        )
    }
)
