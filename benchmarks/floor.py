"""The floor under the operator: a burst of tasks whose requests a client without any logic makes, in the same run.

Both are Python on aiohttp and uvloop, and make the same requests of the same API server, which is most of what a task
costs. So the ratio says what the operator's own work is, on any machine and under any load.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.child import child
from benchmarks.fake_site import QUEUE, queue_manifest
from benchmarks.floor_bodies import Bodies
from benchmarks.process import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fake_site import FakeSite


@dataclass(frozen=True, slots=True)
class Floor:
    """`pid`: of the client, which works in `namespace`."""

    pid: int
    namespace: str

    def usage(self) -> Usage:
        return Usage.of(self.pid)


@contextmanager
def floor(site: FakeSite) -> Iterator[Floor]:
    """The client, ready. With the operator's rights, for the API server queues its requests by account."""
    bodies = Bodies.of(crowd.task(QUEUE), queue_manifest(QUEUE), site.floor_namespace, datetime.now(UTC))
    with child(
        json.dumps(asdict(bodies)),
        site.folder / "floor.log",
        *("-m", "benchmarks.floor_client", site.floor_namespace),
        environ={"KUBECONFIG": str(site.operator_kubeconfig)},
    ) as process:
        yield Floor(process.pid, site.floor_namespace)
