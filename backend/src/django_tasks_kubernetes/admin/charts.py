"""Numbers to the shapes of a chart: what ended, how long it took, a row of small bars. Pure, but for the language."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from django_tasks_kubernetes.admin.buckets import Buckets
from django_tasks_kubernetes.admin.shapes import Chart, Label, Legend, Line, label, line, mark

WIDTH: Final = 720
HEIGHT: Final = 170
LEFT: Final = 56
RIGHT: Final = 8
TOP: Final = 22
BOTTOM: Final = 24
PLOT: Final = WIDTH - LEFT - RIGHT
FLOOR: Final = HEIGHT - BOTTOM
TICKS: Final = 6
# Drawn one above the other, in this order from the ground.
ENDS: Final = {
    "succeeded": gettext_lazy("Succeeded"),
    "failed": gettext_lazy("Failed"),
    "cancelled": gettext_lazy("Cancelled"),
}
PERCENTILES: Final = {"p50": gettext_lazy("Half took at most"), "p95": gettext_lazy("95 % took at most")}
SPARK_HEIGHT: Final = 18
SPARK_BAR: Final = 2


def ended(
    id_: str, unit: str, buckets: Buckets, counts: Mapping[str, Sequence[int]], zone: tzinfo, caption: str = ""
) -> Chart:
    """Bars of how many tasks ended in each bucket. `unit`: what one of them is about, such as tasks per minute.
    `counts`: by the names of ENDS."""
    kinds = [kind for kind in ENDS if kind in counts]
    highest = max((sum(counts[kind][n] for kind in kinds) for n in range(len(buckets))), default=0)
    top = nice(highest)
    if highest == 0:
        return _nothing(id_, _("Nothing ended in this time."), caption)
    width, marks, rows = PLOT / len(buckets), [], []
    for n, (when, utc) in enumerate(_spans(buckets, zone)):
        numbers = {kind: counts[kind][n] for kind in kinds}
        rows.append((when, utc, *(number_format(number) for number in numbers.values())))
        said = _words(numbers)
        y = float(FLOOR)
        for kind, number in numbers.items():
            if number:
                height = (FLOOR - TOP) * number / top
                y -= height
                marks.append(mark(LEFT + n * width, y, _bar(width), height, kind, f"{when} ({utc}): {said}"))
    return Chart(
        id=id_,
        title=_("Tasks that ended: %(words)s") % {"words": _words({kind: sum(counts[kind]) for kind in kinds})},
        width=WIDTH,
        height=HEIGHT,
        marks=marks,
        lines=[_ground()],
        labels=[*_y_labels(top, number_format, unit, whole=True), *_x_labels(buckets, zone)],
        legend=[Legend(kind, str(ENDS[kind])) for kind in kinds],
        caption=caption,
        headings=[_("From"), _("UTC"), *(str(ENDS[kind]) for kind in kinds)],
        rows=rows,
    )


def durations(
    id_: str, name: str, buckets: Buckets, values: Mapping[str, Sequence[float | None]], zone: tzinfo, caption: str = ""
) -> Chart:
    """Lines of how long something took, in seconds. `values`: by the names of PERCENTILES; None leaves a gap."""
    kinds = [kind for kind in PERCENTILES if kind in values]
    known = [value for kind in kinds for value in values[kind] if value is not None]
    if not known:
        return _nothing(id_, _("Nothing ended in this time."), caption)
    top = nice(max(known))
    width = PLOT / len(buckets)

    def point(n: int, value: float) -> tuple[float, float]:
        return LEFT + (n + 0.5) * width, FLOOR - (FLOOR - TOP) * value / top

    lines = [_ground()]
    for kind in kinds:
        for piece in _pieces(values[kind]):
            points = [point(n, value) for n, value in piece]
            if len(points) == 1:  # a line of one point would not be seen
                points = [(points[0][0] - 2, points[0][1]), (points[0][0] + 2, points[0][1])]
            lines.append(line(points, kind))
    rows = [
        (when, utc, *("–" if values[kind][n] is None else seconds(values[kind][n]) for kind in kinds))
        for n, (when, utc) in enumerate(_spans(buckets, zone))
    ]
    return Chart(
        id=id_,
        title=_("%(name)s, at the worst %(time)s") % {"name": name, "time": seconds(max(known))},
        width=WIDTH,
        height=HEIGHT,
        lines=lines,
        labels=[*_y_labels(top, seconds, _("time")), *_x_labels(buckets, zone)],
        legend=[Legend(kind, str(PERCENTILES[kind])) for kind in kinds],
        caption=caption,
        headings=[_("From"), _("UTC"), *(str(PERCENTILES[kind]) for kind in kinds)],
        rows=rows,
    )


def sparkline(id_: str, counts: Sequence[int], kind: str = "succeeded") -> Chart:
    """Small bars in a line of text, for one row of a table."""
    highest, total = max(counts, default=0), sum(counts)
    title = ngettext("%(number)s in this time", "%(number)s in this time, at most %(most)s at once", total)
    marks = [
        mark(n * SPARK_BAR, SPARK_HEIGHT - height, SPARK_BAR - 0.5, height, kind)
        for n, count in enumerate(counts)
        # One is seen beside a thousand.
        if count and (height := max(SPARK_HEIGHT * count / highest, 1.5))
    ]
    return Chart(
        id=id_,
        title=title % {"number": number_format(total), "most": number_format(highest)},
        width=max(len(counts), 1) * SPARK_BAR,
        height=SPARK_HEIGHT,
        marks=marks,
        lines=[line([(0, SPARK_HEIGHT - 0.25), (max(len(counts), 1) * SPARK_BAR, SPARK_HEIGHT - 0.25)], "axis")],
    )


def nice(highest: float) -> float:
    """The end of an axis: 1, 2 or 5, and zeros."""
    if highest <= 0:
        return 1
    unit = 10.0 ** math.floor(math.log10(highest))
    return next((unit * factor for factor in (1, 2, 5, 10) if unit * factor >= highest * 0.999_999), unit * 10)


def seconds(value: float | None) -> str:
    """A duration as people say it: 0.8 s, 31 s, 4 min, 2 h."""
    if value is None:
        return ""
    if value < 10:
        return _("%(number)s s") % {"number": number_format(round(value, 1), 0 if round(value, 1) % 1 == 0 else 1)}
    if value < 120:
        return _("%(number)s s") % {"number": number_format(round(value))}
    if value < 7200:
        return _("%(number)s min") % {"number": number_format(round(value / 60))}
    return _("%(number)s h") % {"number": number_format(round(value / 3600))}


def moment(at: datetime, zone: tzinfo, step: timedelta) -> str:
    """A time of day, and the day where that is not clear."""
    local = at.astimezone(zone).replace(tzinfo=None)
    clock = date_format(local, "H:i")
    return clock if step < timedelta(hours=1) else f"{date_format(local, 'SHORT_DATE_FORMAT')} {clock}"


def _words(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number_format(number)} {str(ENDS[kind]).lower()}" for kind, number in numbers.items() if number)


def _nothing(id_: str, words: str, caption: str) -> Chart:
    return Chart(id=id_, title=words, width=WIDTH, height=HEIGHT, nothing=words, caption=caption)


def _bar(width: float) -> float:
    return width - 1 if width >= 3 else width


def _pieces(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Those without a gap between."""
    piece: list[tuple[int, float]] = []
    for n, value in enumerate([*values, None]):
        if value is not None:
            piece.append((n, value))
        elif piece:
            yield piece
            piece = []


def _spans(buckets: Buckets, zone: tzinfo) -> Iterator[tuple[str, str]]:
    """The beginning of each, in the zone and in UTC."""
    for at in buckets.edges[:-1]:
        yield moment(at, zone, buckets.step), f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _ground() -> Line:
    return line([(LEFT, FLOOR), (WIDTH - RIGHT, FLOOR)], "axis")


def _y_labels(top: float, text: Callable[[float], str], unit: str, *, whole: bool = False) -> list[Label]:
    """`whole`: there are no halves of it."""
    values = [0.0, top] if whole and top % 2 else [0.0, top / 2, top]
    return [
        label(0, TOP - 10, unit, "start"),
        *(
            label(
                LEFT - 6, FLOOR - (FLOOR - TOP) * value / top + 4, text(int(value) if value % 1 == 0 else value), "end"
            )
            for value in values
        ),
    ]


def _x_labels(buckets: Buckets, zone: tzinfo) -> Iterator[Label]:
    width = PLOT / len(buckets)
    every = max(math.ceil(len(buckets) / TICKS), 1)
    for n in range(0, len(buckets), every):
        at = buckets.edges[n]
        yield label(LEFT + n * width, HEIGHT - 6, moment(at, zone, buckets.step), "start", f"{at:%Y-%m-%d %H:%M} UTC")
