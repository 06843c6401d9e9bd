"""Leader election by a coordination.k8s.io Lease, as the control plane's own components do it.

The rules are client-go's (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection): a candidate acquires a lease that
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
from typing import Any, Protocol

from djangotasks_operator.runtime.client import Api
from djangotasks_operator.runtime.errors import REQUEST_ERRORS, ApiError, unless_missing
from djangotasks_operator.runtime.resources import LEASES, Object

logger = logging.getLogger(__name__)

# client-go's defaults for the lease, the renew deadline and the retry period: 15, 10 and 2 s.
LEASE_SECONDS = 15
# A leader that has not renewed for so long writes no more: that leaves 5 s for requests that are on their way.
RENEW_DEADLINE = 10.0
RETRY_SECONDS = 2.0
# Two tries fit into the renew deadline.
REQUEST_SECONDS = 4.0
# Of the Lease: the address of its holder.
ADDRESS_ANNOTATION = "djangotasks.dev/leader-address"


class NotLeading(Exception):
    """This replica may not write: it does not lead, or cannot be sure that it still does."""


class Election(Protocol):
    """Whether this process leads."""

    @property
    def leads(self) -> bool: ...

    def ensure_leading(self) -> None:
        """Raise NotLeading unless this process may write. To be called right before each write."""

    @property
    def leader_address(self) -> str | None:
        """Where the leader is reached, by its own words, as far as that is known."""

    async def won(self) -> None:
        """Wait until this process leads."""

    async def lost(self) -> None:
        """Wait until it does not."""

    async def run(self) -> None:
        """Take part, until cancelled."""

    async def release(self) -> None:
        """Stop leading, so that another replica need not wait for the end of the lease."""


class SoleCandidate:
    """The election of an operator that has no other replicas: it always leads."""

    leads = True
    leader_address = None

    def ensure_leading(self) -> None: ...

    async def won(self) -> None: ...

    async def lost(self) -> None:
        await asyncio.Event().wait()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ObservedLease:
    """The lease as it was last seen."""

    version: str
    """Its resource version."""
    holder: str
    """The identity of the leader; empty when it was released."""
    since: float
    """When this version was first seen, by this process's clock."""
    address: str | None = None
    """Where the leader is reached."""

    def may_be_acquired(self, identity: str, now: float) -> bool:
        return self.holder in ("", identity) or now - self.since > LEASE_SECONDS


class LeaseElection:
    """The election among replicas that share a Lease."""

    def __init__(
        self,
        api: Api,
        lease: tuple[str, str],
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        beat: Callable[[], None] = lambda: None,
        *,
        address: str | None = None,
    ) -> None:
        """`lease`: its namespace and name. `identity`: different for each process. `beat`: called after each round.
        `address`: where this process is reached, which the lease says while it leads."""
        self._address = address
        self._beat = beat
        self._api = api
        self._namespace, self._name = lease
        self._identity = identity
        self._clock = clock
        self._observed: ObservedLease | None = None
        self._renewed: float | None = None
        self._leading = asyncio.Event()
        self._not_leading = asyncio.Event()
        self._not_leading.set()

    def ensure_leading(self) -> None:
        if self._renewed is None or self._clock() - self._renewed > RENEW_DEADLINE:
            raise NotLeading("this replica does not hold the lease")

    @property
    def leads(self) -> bool:
        return self._leading.is_set()

    @property
    def leader_address(self) -> str | None:
        return None if self._observed is None else self._observed.address

    async def won(self) -> None:
        await self._leading.wait()

    async def lost(self) -> None:
        await self._not_leading.wait()

    async def run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._renew_or_acquire()
            except REQUEST_ERRORS as error:
                logger.warning("the lease %s/%s: %s", self._namespace, self._name, error)
            self._update_leading()
            self._beat()
            await asyncio.sleep(RETRY_SECONDS)

    async def release(self) -> None:
        held, self._renewed = self._renewed, None
        self._update_leading()
        if held is None or self._observed is None:
            return
        with contextlib.suppress(*REQUEST_ERRORS):
            async with asyncio.timeout(REQUEST_SECONDS):
                await self._write(self._observed.version, "")
                logger.info("released the lease %s/%s", self._namespace, self._name)

    async def _renew_or_acquire(self) -> None:
        # The lease counts from before the request: what the server does later can only make it last longer.
        asked = self._clock()
        if self._observed is not None and self._observed.holder == self._identity:
            try:
                await self._acquire(self._observed.version, asked)
            except ApiError as error:
                if not error.stale_or_gone:
                    raise
                self._observed = None
            else:
                return
        await self._read(asked)
        if self._observed is None or self._observed.may_be_acquired(self._identity, asked):
            with contextlib.suppress(ApiError):
                # Refused: another was faster. The next round reads which.
                await self._acquire(None if self._observed is None else self._observed.version, asked)

    async def _read(self, now: float) -> None:
        body = await unless_missing(self._api.get(LEASES, self._namespace, self._name))
        if body is None:
            self._observed = None
            return
        version, holder = body["metadata"]["resourceVersion"], body["spec"].get("holderIdentity") or ""
        if holder not in ("", self._identity):
            # Also where somebody has deleted or edited the lease of a leader that renewed it a moment ago.
            self._renewed = None
        if self._observed is None or self._observed.version != version:
            address = (body["metadata"].get("annotations") or {}).get(ADDRESS_ANNOTATION) if holder else None
            self._observed = ObservedLease(version, holder, now, address)

    async def _acquire(self, version: str | None, asked: float) -> None:
        body = await self._write(version, self._identity)
        self._observed = ObservedLease(body["metadata"]["resourceVersion"], self._identity, asked, self._address)
        self._renewed = asked

    async def _write(self, version: str | None, holder: str) -> Object:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        metadata: dict[str, Any] = {"name": self._name, "namespace": self._namespace}
        if holder and self._address is not None:
            metadata["annotations"] = {ADDRESS_ANNOTATION: self._address}
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

    def _update_leading(self) -> None:
        leading = self._renewed is not None and self._clock() - self._renewed <= RENEW_DEADLINE
        if leading == self._leading.is_set():
            return
        logger.info("%s leads" if leading else "%s does not lead any more", self._identity)
        (self._leading if leading else self._not_leading).set()
        (self._not_leading if leading else self._leading).clear()
