"""Values as HTML, where text alone does not do: phases, times, progress. Never by colour alone. Pure, but for the
clock."""

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, Final

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format
from django.utils.html import format_html
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

from django_tasks_kubernetes.admin.seen import was_shown
from django_tasks_kubernetes.codec.times import to_utc
from django_tasks_kubernetes.presentation.rows import Row
from django_tasks_kubernetes.presentation.text import age_parts, safe, shortened
from djangotasks_api.phases import Phase

SYMBOLS: Final[dict[str, str]] = {
    Phase.QUEUED: "…",
    Phase.STARTING: "◔",
    Phase.RUNNING: "▶",
    Phase.RETRYING: "↻",
    Phase.SUCCEEDED: "✓",
    Phase.FAILED: "✗",
    Phase.CANCELLED: "⊘",
}
# As the operator writes them: 42%, or 420/1000.
PERCENT: Final = re.compile(r"([0-9]{1,3})%")
SHARE: Final = re.compile(r"([0-9]{1,15})/([1-9][0-9]{0,14})")
# The first ones tell the time, and are much alike.
ID_END_CHARS: Final = 12
REASON_MAX_CHARS: Final = 60
PROBLEM_MAX_CHARS: Final = 120
# Of formats of a time: P is 10:22 a.m., without the minutes of a full hour.
WITHOUT_MINUTES: Final = re.compile(r"(?<!\\)P")
MINUTES: Final = re.compile(r"(?<!\\)([GHgh])([:.])i(?!\2s)")
# A message of Django's own.
SELECT: Final = "Select this object for an action - {}"
# By the units of which they are made.
AGES: Final = {
    "s": gettext_noop("{s}s"),
    "m": gettext_noop("{m}m"),
    "ms": gettext_noop("{m}m{s}s"),
    "h": gettext_noop("{h}h"),
    "hm": gettext_noop("{h}h{m}m"),
    "d": gettext_noop("{d}d"),
}


def checkbox(task: Any) -> str:
    """Selects a row of the list for an action: what Django makes of it, which a test compares."""
    label = _(SELECT).format(task)
    return format_html(
        '<input type="checkbox" name="{}" value="{}" class="action-select" aria-label="{}">',
        ACTION_CHECKBOX_NAME, task.pk, label,
    )  # fmt: skip


def phase(text: str) -> str:
    """The phase, with a symbol."""
    kind = text.lower() if text in SYMBOLS else "other"
    return format_html('<span class="djt-phase djt-{}">{} {}</span>', kind, SYMBOLS.get(text, "•"), text)


def reason(text: str, exception: str = "") -> str:
    """The reason; where something was raised, that, which says more."""
    if not exception:
        return text
    last = shortened(exception.rpartition(".")[2], REASON_MAX_CHARS)
    return format_html('<span title="{}">{}</span>', f"{text}: {exception}" if text else exception, last)


def problem(text: str) -> str:
    """The beginning of an error; its title has the whole."""
    whole = safe(text)
    return format_html('<span title="{}">{}</span>', whole, shortened(whole, PROBLEM_MAX_CHARS)) if text else "–"


def progress(text: str) -> str:
    """With a bar, where a share is known."""
    if found := PERCENT.fullmatch(text):
        value, most = found[1], "100"
    elif found := SHARE.fullmatch(text):
        value, most = found[1], found[2]
    else:
        return text
    return format_html('<progress max="{}" value="{}"></progress> {}', most, value, text)


def grouped(number: int) -> str:
    """A large number as it is written in the reader's language."""
    return number_format(number, force_grouping=True)


def ago(at: datetime | None) -> str:
    """How long ago something was. The moment itself is in the title."""
    if at is None:
        return "–"
    at, now = to_utc(at), datetime.now(UTC)
    was_shown((now - at).total_seconds())
    words = _("in {age}") if at > now else _("{age} ago")
    return moment(at, words.format(age=age(now, at) if at > now else age(at, now)))


def moment(at: datetime, text: str | None = None) -> str:
    """A time; its title has it in the reader's zone and in UTC."""
    at = to_utc(at)
    local, title = _written(at, timezone.get_current_timezone(), get_language())
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, text or local)


# An open page shows the same times again and again, and to write one as its language has it takes 60 µs.
@lru_cache(maxsize=2048)
def _written(at: datetime, zone: tzinfo, language: str | None) -> tuple[str, str]:
    """A time in that zone and the current language, and the same with UTC."""
    local = date_format(timezone.localtime(at, zone), with_seconds(get_format("DATETIME_FORMAT")))
    return local, f"{local} ({at.isoformat(sep=' ', timespec='seconds').replace('+00:00', ' UTC')})"


def with_seconds(form: str) -> str:
    """Django's format of a time in a language, with the seconds, which none has: a log has them, too."""
    form = WITHOUT_MINUTES.sub("g:i a", form)
    return MINUTES.sub(r"\1\2i\2s", form)


def span(start: datetime | None, end: datetime | None) -> str:
    """How long something took, to a tenth of a second where it was short."""
    if start is None or end is None:
        return "–"
    seconds = max((end - start).total_seconds(), 0.0)
    return _tenths(round(seconds, 1), get_language()) if seconds < 10 else age(start, end)


def age(start: datetime, end: datetime) -> str:
    """How long something took, as short as kubectl has it: 5s, 3m20s, 2h, 4d."""
    parts = age_parts(start, end)
    form = AGES["".join(parts)]
    return _(form).format(**parts)


@lru_cache(maxsize=256)
def _tenths(seconds: float, language: str | None) -> str:
    form = AGES["s"]
    return _(form).format(s=number_format(seconds, 1))


def waited(row: Row) -> str:
    """From the enqueueing to the start; of one that has not started, until now."""
    return _span_of(row.enqueued_at, row.started_at or row.finished_at)


def ran(row: Row) -> str:
    """From the start to the end; of one that has not ended, until now."""
    if row.started_at is None:
        return "–"
    return _span_of(row.started_at, row.finished_at)


def _span_of(start: datetime | None, end: datetime | None) -> str:
    """Of what has not ended, until now."""
    if end is None:
        end = datetime.now(UTC)
        was_shown((end - start).total_seconds() if start is not None else 0)
    return span(start, end)


def short_id(name: str) -> str:
    """Its end; the title has the whole."""
    return format_html('<code title="{}">…{}</code>', name, name[-ID_END_CHARS:]) if len(name) > ID_END_CHARS else name
