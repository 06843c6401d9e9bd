"""The endpoint as the operator serves it: on loopback, with real HTTP, and a cache that has no tasks."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.reports.authentication import Authentication
from djangotasks_operator.reports.endpoint import reports_app
from djangotasks_operator.reports.standbys_endpoint import StandbysEndpoint
from djangotasks_operator.runtime.http_server import serve

KEY = b"k" * 32
LOCAL = "127.0.0.1"


def authentication() -> Authentication:
    return Authentication([KEY], lambda task: None)


def bearer(uid: str = "u", attempt: int = 1) -> str:
    return f"Bearer {sign(KEY, 'shop', uid, attempt)}"


@contextlib.asynccontextmanager
async def serving(
    *,
    recorder: object = None,
    tasks: object = None,
    inputs: object = None,
    answered: Callable[[str, int], None] = lambda *_: None,
    standbys: StandbysEndpoint | None = None,
) -> AsyncIterator[int]:
    """The port. What a test does not need may be None."""
    app = reports_app(cast(Any, recorder), cast(Any, tasks), cast(Any, inputs), authentication(), answered, standbys)
    with socket.socket() as free:
        free.bind((LOCAL, 0))
        port = free.getsockname()[1]
    async with serve(app, LOCAL, port):
        yield port
