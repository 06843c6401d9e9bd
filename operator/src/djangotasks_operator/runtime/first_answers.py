"""Wait, as the process starts, for an API server that is away.

A process that ended instead would be started again after up to five minutes, when the API server has long been back:
that is the kubelet's longest CrashLoopBackOff.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator

from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError, is_client_error

logger = logging.getLogger(__name__)

# Between two tries, the last one for ever: the operator works soon after the API server is back.
BACKOFFS = (1.0, 1.0, 2.0, 3.0, 5.0)
THROTTLED = 429


def endless_backoffs() -> Iterator[float]:
    """The seconds between two tries, without an end."""
    return itertools.chain(BACKOFFS, itertools.repeat(BACKOFFS[-1]))


async def until_answered[T](request: Callable[[], Awaitable[T]]) -> T:
    """What the request returns, which is repeated for as long as the API server is away, or busy. Raises whatever else
    it raises: what the API server refuses is not mended by waiting."""
    for backoff in endless_backoffs():
        try:
            return await request()
        except REQUEST_ERRORS as error:
            if is_client_error(error) and not (isinstance(error, ApiError) and error.status == THROTTLED):
                raise
            problem = str(error) or type(error).__name__
            logger.warning("the operator waits for the API server: %s; again in %.0f s", problem, backoff)
        await asyncio.sleep(backoff)
    raise AssertionError("unreachable")
