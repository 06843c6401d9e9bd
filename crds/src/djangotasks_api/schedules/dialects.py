"""What to write for expressions of other schedulers: Quartz, robfig/cron, Jenkins, systemd, AWS. Pure."""

import re
from typing import Final

DAYS: Final = "SUN|MON|TUE|WED|THU|FRI|SAT"
MONTHS: Final = "JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC"
NAMES: Final = "hourly|daily|midnight|weekly|monthly|yearly|annually"
ZONE: Final = "UTC|[A-Z][a-z]+(/[A-Za-z_+-]+)+"
# The first that is found in an expression that cannot be read says what to write.
DIALECTS: Final = (
    (rf"^(CRON_)?TZ=|\s({ZONE})$", "the zone stands apart: timezone=…, or timeZone in the resource"),
    (r"^@?every\b(?!_)|^rate\(", "an interval is schedule.every(minutes=5), or everyMinutes: 5 in the resource"),
    (r"^@(minutely|every_minute)$", "write * * * * *"),
    (r"^@quarterly$", "write 0 0 1 */3 *"),
    (r"^@reboot$", "nothing here starts with a machine"),
    (rf"^\s*@?(?P<name>{NAMES})\s*$", "write @{name}"),
    (r"^cron\(", "write the five fields alone, without the year"),
    (r"\d:\d", "30 2 * * * is 02:30 on each day"),
    (r",\s|\s,", "no space stands beside a comma"),
    (r"^(\S+\s+){5}(\S+\s+)?\S+$", "write no seconds in front, no year at the end, and * in place of ?"),
    (r"\?", "write * in place of ?"),
    (r"(^|\s)[HR]\b|~", "what spreads schedules is jitter=…, or jitterSeconds in the resource"),
    (rf"\b({DAYS}|[0-7])#?L$|\sL$", "5L is the last Friday"),
    (rf"\b({DAYS}|{MONTHS})[A-Z]+", "names have three letters, such as MON or JAN"),
    (r"\dW", "LW is the last day from Monday to Friday, and others that are near to a date have no expression"),
    (r"[^\S ]", "one space stands between two fields"),
)


def advice(text: str) -> str | None:
    """What to write instead of an expression that cannot be read, where that is known."""
    for pattern, words in DIALECTS:
        if (match := re.search(pattern, text, re.IGNORECASE)) is not None:
            return words.format(**{name: found.lower() for name, found in match.groupdict().items()})
    return None
