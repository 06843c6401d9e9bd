"""What the operator has used and written, by its own metrics."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from benchmarks.site import Site
    from tests.support.operator import OperatorProcess

METRICS_PORT = 8081
REQUEST = re.compile(
    r'^djangotasks_api_requests_total\{code="2\d\d",resource="([^"]+)",verb="([^"]+)"\} (\S+)$', re.MULTILINE
)
CPU = re.compile(r"^process_cpu_seconds_total (\S+)$", re.MULTILINE)
WRITES = frozenset({"create", "patch", "json_patch", "update", "delete"})
# By the clock, or for people alone; and the statuses of queues, once in 5 s.
IGNORED = frozenset({"leases", "events", "djangotaskqueues/status"})


@dataclass(frozen=True, slots=True)
class Reading:
    at: float
    cpu: float
    writes: float

    def since(self, before: Reading) -> Counters.Difference:
        return Counters.Difference(self.at - before.at, self.cpu - before.cpu, self.writes - before.writes)


class Counters:
    """Of all replicas together."""

    @dataclass(frozen=True, slots=True)
    class Difference:
        seconds: float
        cpu: float
        """Seconds."""
        writes: float
        """That were successful."""

    def __init__(self, metrics: Callable[[], Iterable[str]]) -> None:
        """`metrics`: reads those of each replica."""
        self._metrics = metrics

    @classmethod
    def of_pods(cls, site: Site) -> Self:
        """Through the API server's proxy."""
        base = f"/api/v1/namespaces/{site.operator_namespace}/pods"
        pods = site.api.get(f"{base}?labelSelector=app.kubernetes.io/name=djangotasks")["items"]
        paths = [f"{base}/{pod['metadata']['name']}:{METRICS_PORT}/proxy/metrics" for pod in pods]
        return cls(lambda: map(site.api.text, paths))

    @classmethod
    def of_process(cls, operator: OperatorProcess) -> Self:
        return cls(lambda: [operator.get("/metrics")])

    def read(self) -> Reading:
        texts = list(self._metrics())
        cpu = sum(float(found[1]) for text in texts for found in CPU.finditer(text))
        writes = sum(
            float(value)
            for text in texts
            for resource, verb, value in REQUEST.findall(text)
            if verb in WRITES and resource not in IGNORED
        )
        return Reading(time.monotonic(), cpu, writes)
