"""An API server and an operator's endpoint on the loopback interface; a cluster in memory."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes.testing import InMemoryCluster, in_memory
from tests.unit.backend import tasks  # noqa: F401 - whatever TASKS a test has, they can be looked up

# Fixtures that pytest-django sets up for each test, and that do nothing where no test asks for what they are about: once
# for all tests, since they were a tenth of the time.
for _name in (
    "_dj_autoclear_mailbox",
    "_django_clear_site_cache",
    "_django_isolate_apps",
    "_django_set_urlconf",
    "_live_server_helper",
    "_template_string_if_invalid_marker",
):
    globals()[_name] = pytest.fixture(lambda: None, scope="session", name=_name)


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


@contextmanager
def serve() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One segment for an answer: without this, Nagle's algorithm and delayed ACKs cost 40 ms a request.
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle_one(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(
                self.command, self.path, headers, json.loads(body) if body else None, self.client_address[1]
            )
            server.requests.append(request)
            server.arrived.set()
            answer = server.answer(request)
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

    class QuietServer(ThreadingHTTPServer):
        daemon_threads = True
        ended = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Of a client that ended in the middle of a request, as runners do with `started`."""

        def accept(self) -> None:
            """As serve_forever() does, which notices its end at intervals: hundreds of tests would wait for that."""
            while True:
                request, address = self.get_request()
                if self.ended:
                    request.close()
                    return
                self.process_request(request, address)

    with QuietServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.accept)
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}"
        try:
            yield server
        finally:
            http.ended = True
            socket.create_connection(("127.0.0.1", http.server_port)).close()
            thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as server:
        yield server


@pytest.fixture
def cluster() -> Iterator[InMemoryCluster]:
    with in_memory() as cluster:
        yield cluster


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Of the storage `tasks`."""
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(tmp_path)}}
    with override_settings(STORAGES=settings.STORAGES | {"tasks": storage}):
        yield tmp_path
