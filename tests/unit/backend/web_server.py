"""A web server of whatever answers a test wants, on the loopback interface."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    port: int


# The status, the body and more headers; None closes the connection without an answer. A body of lines that come one by
# one is an iterator of values, or of bytes; a connection that is closed ends it.
Answer = tuple[int, Any, dict[str, str]] | None


@dataclass
class Server:
    """Answers with what `answer` gives for each request, and keeps the requests."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Answer] = lambda request: (200, {}, {})
    arrived: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"
    # One segment for an answer: without this, Nagle's algorithm and delayed ACKs cost 40 ms a request.
    wbufsize = -1
    disable_nagle_algorithm = True

    def handle_one(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, json.loads(body) if body else None, self.client_address[1])
        script = self.server.script
        script.requests.append(request)
        script.arrived.set()
        answer = script.answer(request)
        if answer is None:
            self.close_connection = True
            return
        status, value, extra = answer
        if isinstance(value, Iterator):
            self.stream(status, value)
            return
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in extra.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def stream(self, status: int, lines: Iterator[Any]) -> None:
        self.send_response(status)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815 - the names are http.server's

    def log_message(self, *args: Any) -> None: ...


class WebServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Server) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.ended = False
        self._connections: set[Any] = set()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Of a client that ended in the middle of a request, as runners do with `started`."""

    def accept(self) -> None:
        """As serve_forever() does, which notices its end at intervals: hundreds of tests would wait for that."""
        while True:
            request, address = self.get_request()
            if self.ended:
                request.close()
                return
            self._connections.add(request)
            self.process_request(request, address)

    def close_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().close_request(request)

    def disconnect(self) -> None:
        """Ends the threads of clients that keep their connections, which would wait until the end of all tests."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve() -> Iterator[Server]:
    server = Server()
    with WebServer(server) as http:
        thread = threading.Thread(target=http.accept, daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        try:
            yield server
        finally:
            http.ended = True
            socket.create_connection(("127.0.0.1", http.server_port)).close()
            thread.join()
            http.disconnect()
