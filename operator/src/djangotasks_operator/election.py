"""Which replica leads: a coordination.k8s.io Lease, as the control plane's own components use it.

The rules are client-go's (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection): a candidate takes a lease that
has not changed for its whole duration by the candidate's own clock, so clocks need not agree. A leader that could
not renew stops writing before the lease can expire.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from djangotasks_operator.api import LEASES, Api, ApiError, Object

logger = logging.getLogger(__name__)

LEASE_SECONDS = 15
# Without a renewal for so long, the leader writes no more: that leaves 5 s for what is on its way.
RENEW_DEADLINE = 10.0
RETRY_SECONDS = 2.0
REQUEST_SECONDS = 4.0


class NotLeading(Exception):
    """This replica may not write: it does not lead, or cannot be sure that it still does."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A lease as it was last seen, and since when it has been so, on this process's clock."""

    version: str
    holder: str
    since: float

    def may_be_taken(self, identity: str, now: float) -> bool:
        return self.holder in ("", identity) or now - self.since > LEASE_SECONDS


class Election:
    """Runs for leader for as long as `run` runs. `identity`: different for each process. `beat`: a sign of life."""

    def __init__(
        self,
        api: Api,
        lease: tuple[str, str],
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._beat = beat
        self._api = api
        self._namespace, self._name = lease
        self._identity = identity
        self._clock = clock
        self._seen: Seen | None = None
        self._renewed: float | None = None
        self._leading = asyncio.Event()
        self._not_leading = asyncio.Event()
        self._not_leading.set()

    def ensure_leading(self) -> None:
        """To be called right before each write. Raises NotLeading."""
        if self._renewed is None or self._clock() - self._renewed > RENEW_DEADLINE:
            raise NotLeading("this replica does not hold the lease")

    @property
    def leads(self) -> bool:
        return self._leading.is_set()

    async def won(self) -> None:
        await self._leading.wait()

    async def lost(self) -> None:
        await self._not_leading.wait()

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._try()
            except (ApiError, OSError, TimeoutError) as error:
                logger.warning("the lease %s/%s: %s", self._namespace, self._name, error)
            self._judge()
            self._beat()
            await asyncio.sleep(RETRY_SECONDS)

    async def release(self) -> None:
        """Gives the lease up, so that another replica need not wait for its end."""
        held, self._renewed = self._renewed, None
        self._judge()
        if held is None or self._seen is None:
            return
        with contextlib.suppress(ApiError, OSError, TimeoutError):
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._write(self._seen.version, "")
                logger.info("released the lease %s/%s", self._namespace, self._name)

    async def _try(self) -> None:
        # The lease counts from before the request: what the server does later can only make it last longer.
        asked = self._clock()
        if self._seen is not None and self._seen.holder == self._identity:
            try:
                await self._take(self._seen.version, asked)
            except ApiError as error:
                if not error.outdated:
                    raise
                self._seen = None
            else:
                return
        await self._look(asked)
        if self._seen is None or self._seen.may_be_taken(self._identity, asked):
            with contextlib.suppress(ApiError):
                # Refused: another was faster. Whoever it is will be seen next time.
                await self._take(None if self._seen is None else self._seen.version, asked)

    async def _look(self, now: float) -> None:
        try:
            body = await self._api.get(LEASES, self._namespace, self._name)
        except ApiError as error:
            if not error.not_found:
                raise
            self._seen = None
            return
        version, holder = body["metadata"]["resourceVersion"], body["spec"].get("holderIdentity") or ""
        if self._seen is None or self._seen.version != version:
            self._seen = Seen(version, holder, now)

    async def _take(self, version: str | None, asked: float) -> None:
        body = await self._write(version, self._identity)
        self._seen = Seen(body["metadata"]["resourceVersion"], self._identity, asked)
        self._renewed = asked

    async def _write(self, version: str | None, holder: str) -> Object:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        metadata: dict[str, Any] = {"name": self._name, "namespace": self._namespace}
        body: Object = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": LEASE_SECONDS,
                "renewTime": now,
                "acquireTime": now,
            },
        }
        if version is None:
            return await self._api.create(LEASES, self._namespace, body)
        metadata["resourceVersion"] = version
        return await self._api.replace(LEASES, self._namespace, self._name, body)

    def _judge(self) -> None:
        leading = self._renewed is not None and self._clock() - self._renewed <= RENEW_DEADLINE
        if leading == self._leading.is_set():
            return
        logger.info("%s leads" if leading else "%s does not lead any more", self._identity)
        (self._leading if leading else self._not_leading).set()
        (self._not_leading if leading else self._leading).clear()
