"""What the expressions of a schedule say, in the reader's language. Pure, but for the language."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from cronsim import CronSim, CronSimError
from cronsim.explain import Day, Field, Hour, Minute, Month, Weekday
from cronsim.explain import Sequence as Term
from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from djangotasks_api.schedules.cron import ALIASES, ANY_TIME

# More are said as minutes and hours.
TIMES_MAX: Final = 6
NTH: Final = {
    1: pgettext_lazy("of a month", "first"),
    2: pgettext_lazy("of a month", "second"),
    3: pgettext_lazy("of a month", "third"),
    4: pgettext_lazy("of a month", "fourth"),
    5: pgettext_lazy("of a month", "fifth"),
    -1: pgettext_lazy("of a month", "last"),
}
# As cronsim writes L and LW.
LAST_DAY, LAST_WORKDAY = -1, -2


def words_of(spec: Mapping[str, Any]) -> str:
    """02:00, every day. Empty for what has no expressions, or some that cannot be read."""
    return "; ".join(filter(None, map(_words, spec.get("cron") or ())))


def _words(text: str) -> str:
    try:
        expression = ALIASES.get(text, text)
        CronSim(expression, ANY_TIME)
        minute, hour, day, month, weekday = (
            kind(part) for kind, part in zip((Minute, Hour, Day, Month, Weekday), expression.split(), strict=True)
        )
        days = _days(day, weekday, is_time_of_day=minute.all_singles and hour.all_singles)
        return ", ".join(filter(None, [*_clock(minute, hour), days, _months(month)]))
    except (CronSimError, ValueError, LookupError):
        return ""


def _clock(minute: Field, hour: Field) -> Iterator[str]:
    if minute.all_singles and hour.all_singles and len(minute.parsed) * len(hour.parsed) <= TIMES_MAX:
        times = sorted((h, m) for h in hour.singles() for m in minute.singles())
        yield ", ".join(f"{h:02}:{m:02}" for h, m in times)
        return
    every = _step(minute)
    if every is not None:
        yield ngettext("every minute", "every %(number)s minutes", every) % {"number": every}
    else:
        yield _("at minute %(minutes)s") % {"minutes": _terms(minute, str)}
    steps = _step(hour)
    if steps is None:
        yield _("in hour %(hours)s") % {"hours": _terms(hour, str)}
    elif steps > 1 or every is None:
        yield ngettext("every hour", "every %(number)s hours", steps) % {"number": steps}


def _days(day: Field, weekday: Field, *, is_time_of_day: bool) -> str:
    if day.star and weekday.star:
        return _("every day") if is_time_of_day else ""
    days, weekdays = _of_month(day), _terms(weekday, _weekday)
    if day.star or weekday.star:
        return weekdays if day.star else days
    # As cron has it: one that begins with * has to match as well.
    both = day.value.startswith("*") or weekday.value.startswith("*")
    words = _("%(days)s, if it is %(weekdays)s") if both else _("%(days)s or %(weekdays)s")
    return words % {"days": days, "weekdays": weekdays}


def _of_month(day: Field) -> str:
    named = {LAST_DAY: _("last day of the month"), LAST_WORKDAY: _("last workday of the month")}
    found = [named[term.start] for term in day.parsed if term.start in named]
    if others := [term for term in day.parsed if term.start not in named]:
        found = [_("day %(days)s of the month") % {"days": _joined(day, others, str)}, *found]
    return ", ".join(found)


def _months(month: Field) -> str:
    return "" if month.star else _("in %(months)s") % {"months": _terms(month, lambda number: str(MONTHS[number]))}


def _weekday(number: int) -> str:
    # Django's week begins on Monday, and cron's on Sunday, which it also has at the end.
    return str(WEEKDAYS[(number - 1) % 7])


def _step(field: Field) -> int | None:
    """Of what is due all the time, or every so often; None for anything else."""
    return field.parsed[0].step if len(field.parsed) == 1 and field.parsed[0].start is None else None


def _terms(field: Field, name: Callable[[int], str]) -> str:
    return _joined(field, field.parsed, name)


def _joined(field: Field, terms: Iterable[Term], name: Callable[[int], str]) -> str:
    return ", ".join(_term(field, term, name) for term in terms)


def _term(field: Field, term: Term, name: Callable[[int], str]) -> str:
    first = field.min_value if term.start is None else term.start
    last = field.max_value if term.stop is None else term.stop
    if term.nth is not None:
        return _("%(nth)s %(day)s of the month") % {"nth": NTH[term.nth], "day": name(first)}
    if first == last:
        return name(first)
    words = _("%(first)s to %(last)s") if term.step == 1 else _("%(first)s to %(last)s in steps of %(step)s")
    return words % {"first": name(first), "last": name(last), "step": term.step}
