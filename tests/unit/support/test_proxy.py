"""What the proxy of the stories knows of the calls that go through it."""

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.proxy import Proxy
from tools.kubectl import wait_for

PODS = "/api/v1/namespaces/shop/pods"
BODY = b'{"metadata":{"name":"receipt-1"}}'


@pytest.mark.thorough
def test_a_write_of_an_operator_that_is_killed_meanwhile_is_known(tmp_path: Path) -> None:
    """The server does it all the same: stories that crash an operator count what was created."""
    came, answer = threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            came.set()
            assert answer.wait(30)
            self.send_response(201)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        upstream = tmp_path / "upstream"
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        user = {"name": "u", "user": {"token": "secret"}}
        upstream.write_text(
            json.dumps({"current-context": "c", "clusters": [cluster], "contexts": [context], "users": [user]})
        )
        with Proxy(upstream, tmp_path) as proxy:
            with socket.create_connection(("127.0.0.1", proxy._port)) as operator:
                request = f"POST {PODS} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(BODY)}\r\n\r\n"
                operator.sendall(request.encode() + BODY)
                assert came.wait(30)
            running = proxy._runner.server
            wait_for("it is gone", lambda: not (running and running.connections) or None, seconds=30)
            answer.set()
            wait_for("it is known", lambda: proxy.writes(verb="create", status=201) or None, seconds=10)
        server.shutdown()
