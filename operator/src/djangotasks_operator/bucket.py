"""A token bucket: how much may pass, and when."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable


class Bucket:
    """Lets `burst` through at once, and `per_second` in the long run."""

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float]) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._tokens, self._at = float(burst), clock()

    def wait(self) -> float:
        """Seconds until the next may pass; 0 takes its token."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1 - 1e-9:
            return (1 - self._tokens) / self._per_second
        self._tokens -= 1
        return 0.0


class Buckets[Key: Hashable]:
    """One for each key that was asked for lately; `most` of them."""

    def __init__(self, burst: int, per_second: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._most = most
        self._buckets: OrderedDict[Key, Bucket] = OrderedDict()

    def wait(self, key: Key) -> float:
        """As of a Bucket of its own."""
        bucket = self._buckets.setdefault(key, Bucket(self._burst, self._per_second, self._clock))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket.wait()
