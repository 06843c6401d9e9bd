"""Token buckets, as golang.org/x/time/rate."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

# A token that is missing by less than this is there: the clock's readings are rounded.
ROUNDING = 1e-9


class TokenBucket:
    """Let `burst` through at once, and `per_second` in the long run."""

    def __init__(self, burst: int, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._tokens, self._at = float(burst), clock()

    def reserve(self, tokens: float = 1) -> float:
        """Take so many tokens and return 0, or return in how many seconds they will be there."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        tokens = min(tokens, self._burst)
        if self._tokens < tokens - ROUNDING:
            return (tokens - self._tokens) / self._per_second
        self._tokens -= tokens
        return 0.0


class TokenBuckets[Key: Hashable]:
    """A token bucket for each key, of the keys that were used last; `most` of them."""

    def __init__(self, burst: int, per_second: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._per_second, self._clock = burst, per_second, clock
        self._most = most
        self._buckets: OrderedDict[Key, TokenBucket] = OrderedDict()

    def reserve(self, key: Key, tokens: float = 1) -> float:
        """Take so many tokens of the key's bucket and return 0, or return in how many seconds they will be there."""
        bucket = self._buckets.setdefault(key, TokenBucket(self._burst, self._per_second, self._clock))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return bucket.reserve(tokens)
