"""`pod_enqueue`: what enqueue() costs in a task's pod, which asks the operator, against a web app's, which asks the API
server. In turn, so that both meet the same machine."""

from __future__ import annotations

import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from django.utils.module_loading import import_string

from benchmarks.calm import Calm
from benchmarks.figures import Figure
from benchmarks.samples import interleaved, median, percentile
from tools.cluster.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.site import Site

PAIRS = 200
WARM_UP = 20
TARGET = 2.0
# It starts nothing. Of those that the image's settings know.
IDLE_QUEUE = "mail"
TURN_SECONDS = 60.0


def measure(site: Site, runs: int | None = None) -> Iterator[Figure]:
    cluster, pairs = Cluster.ready(), runs or PAIRS
    idle = site.queue | {"metadata": {"name": IDLE_QUEUE}, "spec": site.queue["spec"] | {"suspended": True}}
    cluster.kubectl(site.namespace).apply(idle)
    task = import_string("shop.enqueueing.double").using(queue_name=IDLE_QUEUE)

    def in_the_web_app() -> float:
        began = time.perf_counter()
        task.enqueue(1)
        return (time.perf_counter() - began) * 1000

    with Turns() as turns:
        url = f"http://{cluster.provider.host_address()}:{turns.port}/"
        parent: Any = import_string("shop.enqueueing.enqueue_in_turn").enqueue(url, IDLE_QUEUE)
        interleaved(WARM_UP, turns.take, in_the_web_app)
        site.progress.say("pod_enqueue", f"{pairs} pairs of one enqueue() in a pod and one in a web app")
        Calm()()
        samples, baseline = interleaved(pairs, turns.take, in_the_web_app)
    parent.wait(TURN_SECONDS)
    yield Figure(
        name="pod_enqueue",
        value=median(samples),
        unit="ms",
        baseline=median(baseline),
        target=TARGET,
        extra={"p99": percentile(samples, 99), "baseline_p99": percentile(baseline, 99), "n": pairs},
    )


class Turns:
    """Lets a task in a pod act once at a time: each of its requests is answered when it is its turn, with 204 at the
    end, and brings what the turn before took."""

    def __init__(self) -> None:
        self._go: queue.Queue[int] = queue.Queue()
        self._took: queue.Queue[float] = queue.Queue()
        self._server = ThreadingHTTPServer(("", 0), self._handler())
        self.port: int = self._server.server_port

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._go.put(204)
        time.sleep(0.5)
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> float:
        """Lets the task have its turn, and returns how many milliseconds it took."""
        self._go.put(200)
        return self._took.get(timeout=TURN_SECONDS)

    def _handler(turns) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler has a self of its own
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                if text := self.rfile.read(int(self.headers["Content-Length"])):
                    turns._took.put(float(text))
                self.send_response(turns._go.get())
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        return Handler
