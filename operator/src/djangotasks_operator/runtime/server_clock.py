"""The API server's clock, as far as its answers tell it.

Objects carry its times (creationTimestamp), and a timeout that is counted from one of them by another clock is wrong by
what the two differ. So all of the operator goes by this clock, and replicas whose own ones differ agree.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

logger = logging.getLogger(__name__)

# Clocks that differ by less are left alone: requests take their time, and the header has whole seconds.
TOLERANCE = timedelta(seconds=2)
# The header Date names the second in which the answer was made (RFC 9110, 6.6.1).
PRECISION = timedelta(seconds=1)


class ServerClock:
    """One instance a process. Shows this machine's time until an answer says that it is wrong."""

    def __init__(self, own: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.own = own
        """This machine's time."""
        self._ahead = timedelta()
        self._last: str | None = None

    @property
    def ahead(self) -> timedelta:
        """By how much the API server's clock is ahead of this machine's; negative where it is behind."""
        return self._ahead

    def now(self) -> datetime:
        return self.own() + self._ahead

    def observe(self, date: str | None, asked_at: datetime) -> None:
        """Take in the header Date of an answer that has just come. `asked_at`: this machine's time of the request."""
        if date == self._last:
            return
        self._last = date
        try:
            noted = parsedate_to_datetime(date or "").astimezone(UTC)
        except (ValueError, OverflowError):
            return
        # The answer was made after the request, and before now.
        least, most = noted - self.own(), noted + PRECISION - asked_at
        if least - TOLERANCE <= self._ahead <= most + TOLERANCE:
            return
        agrees = least - TOLERANCE <= timedelta() <= most + TOLERANCE
        self._ahead = timedelta() if agrees else (least + most) / 2
        if agrees:
            logger.info("this machine's clock and the API server's agree again")
        else:
            seconds = self._ahead.total_seconds()
            logger.warning("the API server's clock counts: this machine's is %+.0f s off", -seconds)
