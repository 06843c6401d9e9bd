"""A place on this machine that pods can ring at: the one thing that outlives a pod, and that no operator writes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.cluster.cluster import Cluster


class Bell:
    """`rung`: the names it was rung with."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.rung: list[str] = []

    def url(self, name: str) -> str:
        return f"{self._base}/{name}"


@contextmanager
def bell(cluster: Cluster) -> Iterator[Bell]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.rung.append(self.path.strip("/"))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("0.0.0.0", 0), Handler) as server:
        found = Bell(f"http://{cluster.provider.host_address()}:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()
