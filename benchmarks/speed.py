"""How fast a machine is at what the operator does: to compare runs on different ones."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING

from benchmarks.samples import median

if TYPE_CHECKING:
    from benchmarks.api import Api

ROUNDS = 5
LOOPS = 1_000_000
POSTS = 50


def loop_ms() -> float:
    """A fixed loop of Python, on one core."""
    times = []
    for _ in range(ROUNDS):
        began, total = time.perf_counter(), 0
        for number in range(LOOPS):
            total += number & 7
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def post_ms(api: Api, namespace: str) -> float:
    """A POST of a small object, one after the other over one connection."""
    times = []
    for _ in range(POSTS):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"speed-{secrets.token_hex(6)}"}}
        text = json.dumps(body).encode()
        began = time.perf_counter()
        api.post(f"/api/v1/namespaces/{namespace}/configmaps", text)
        times.append((time.perf_counter() - began) * 1000)
    return median(times)
