"""`cron_next`: the CPU time that it takes to find when an expression is due next, in any time zone."""

from __future__ import annotations

import random
import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.samples import median, percentile
from djangotasks_api.schedules.cron import Cron, InvalidCron
from djangotasks_api.schedules.timing import zone_named

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cluster import Progress

EVALUATIONS = 20_000
TARGET_SECONDS, WORST_SECONDS = 300e-6, 5e-3
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
# What people write, and what is dear: far away, or dense in sets.
USUAL = ("* * * * *", "*/5 * * * *", "0 * * * *", "0 2 * * *", "30 2 * * 1-5", "0 0 1 * *", "15,45 8-18 * * MON-FRI")
DEAR = ("* * 29 2 *", "0 0 29 2 *", "0 0 L 2 *", "59 23 31 12 *", "0 0 * 2 1#5", "0 0 LW * *", "1-59/2 * * * 5L")


def measure(progress: Progress, runs: int | None = None) -> Iterator[Figure]:
    count = runs or EVALUATIONS
    progress.say("cron_next", f"{count} evaluations")
    dice = random.Random(1)
    zones = [zone_named(name) for name in sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})]
    expressions = [*map(Cron.parse, USUAL), *map(Cron.parse, DEAR)]
    while len(expressions) < 200:
        try:
            expressions.append(Cron.parse(_random(dice)))
        except InvalidCron:
            continue
    taken: list[float] = []
    worst = ""
    for _ in range(count):
        cron, zone = dice.choice(expressions), dice.choice(zones)
        after = BEGIN + timedelta(seconds=dice.randrange(10 * 365 * 86_400))
        began = time.thread_time()
        cron.next_after(zone, after)
        seconds = time.thread_time() - began
        if seconds > max(taken, default=0.0):
            worst = f"{cron.text} in {zone}"
        taken.append(seconds)
    extra = {"p50": median(taken), "n": count}
    yield Figure(
        name="cron_next", value=percentile(taken, 99), unit="s", target=TARGET_SECONDS, target_of="value", extra=extra
    )
    yield Figure(
        name="cron_next_worst",
        value=max(taken),
        unit="s",
        target=WORST_SECONDS,
        target_of="value",
        extra={"n": count, "which": worst},
    )


def _random(dice: random.Random) -> str:
    def field(least: int, most: int) -> str:
        low, high = sorted(dice.sample(range(least, most + 1), 2))
        return dice.choice(("*", f"*/{dice.randint(2, most)}", str(low), f"{low}-{high}", f"{low},{high}"))

    return " ".join((field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7)))
