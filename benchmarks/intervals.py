"""An interval in which writes are counted, alone in the cluster: repeated when others were at work in it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks import api_writes
from tools.cluster import ProviderError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.api_writes import Writes
    from benchmarks.site import Site

TRIES = 8
# Events and statuses are written a moment after what they are about.
QUIET_SECONDS = 3.0
SETTLE_SECONDS = 60.0
ALONE_SECONDS = 600.0
POLL_SECONDS = 0.5
# What others run shows in these, in whatever namespace.
WATCHED = ("/api/v1/pods", "/apis/apps/v1/deployments", "/apis/djangotasks.dev/v1alpha1/djangotasks")


@dataclass(frozen=True, slots=True)
class Interval:
    writes: Writes
    seconds: float


def counted(site: Site, what: str, work: Callable[[], None], expected: Mapping[str, int]) -> Interval:
    """The writes while `work` runs and until they have ceased. `expected`: how often it creates what.

    Raises ProviderError when others were at work each time.
    """
    for _ in range(TRIES):
        others = wait_alone(site)
        before, began = _writes(site), time.monotonic()
        work()
        after = _settled(site)
        seconds = time.monotonic() - began
        writes = api_writes.difference(after, before)
        strange = api_writes.disturbance(writes, expected)
        if not strange and others_state(site) != others:
            strange = "pods, Deployments or tasks of other namespaces changed"
        if not strange:
            return Interval(writes, seconds)
        site.progress.say("writes", f"{what}: others were at work ({strange}); once more")
    raise ProviderError(f"Others were at work in the cluster, {TRIES} times: writes can only be counted alone.")


def wait_alone(site: Site) -> frozenset[str]:
    """Waits until nothing changes in other namespaces. Returns the state that it is then."""
    deadline = time.monotonic() + ALONE_SECONDS
    state, since, said = others_state(site), time.monotonic(), False
    while time.monotonic() < since + QUIET_SECONDS:
        if time.monotonic() > deadline:
            raise ProviderError(f"Others have been at work in the cluster for {ALONE_SECONDS:.0f} s.")
        time.sleep(POLL_SECONDS)
        if (now := others_state(site)) != state:
            state, since = now, time.monotonic()
            if not said:
                site.progress.say("writes", "waiting for others in the cluster to end")
                said = True
    return state


def others_state(site: Site) -> frozenset[str]:
    return frozenset(
        f"{item['metadata']['uid']} {item['metadata']['resourceVersion']}"
        for path in WATCHED
        for item in site.api.get(path)["items"]
        if item["metadata"]["namespace"] not in site.namespaces
    )


def _settled(site: Site) -> Writes:
    """The counts once they have not changed for a while, or after a while if they never stop."""
    deadline = time.monotonic() + SETTLE_SECONDS
    writes, since = _writes(site), time.monotonic()
    while time.monotonic() < min(since + QUIET_SECONDS, deadline):
        time.sleep(POLL_SECONDS)
        if (now := _writes(site)) != writes:
            writes, since = now, time.monotonic()
    return writes


def _writes(site: Site) -> Writes:
    return api_writes.parse(site.api.text("/metrics"))
