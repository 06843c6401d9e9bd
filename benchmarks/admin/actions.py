"""How long it takes to cancel a thousand tasks: the POST of the form that asks."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING

from benchmarks import crowd
from benchmarks.admin.server import APP
from benchmarks.api import Api
from benchmarks.figures import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.admin.places import Places
    from benchmarks.admin.server import Server

ALIAS = "waiting"
TARGET_SECONDS = 20.0


def measure(server: Server, places: Places) -> Iterator[Figure]:
    api, path = Api(places.kubeconfig), crowd.tasks_path(places.namespaces[ALIAS])
    names = [task["metadata"]["name"] for task in api.get(path)["items"]]
    nonce = f"{time.time_ns() // 1_000_000}-{secrets.token_hex(16)}"
    fields = {"act": "cancel", "nonce": nonce, "reason": "bench", "pks": " ".join(f"{ALIAS}.{name}" for name in names)}
    # One that had no time for all would answer with the page that asks to go on.
    answer = server.visitor().post(f"{APP}/task/act/", fields, expected=302)
    left = [task["metadata"]["name"] for task in api.get(path)["items"] if not task["spec"].get("cancel")]
    assert not left, f"{len(left)} were not cancelled, such as {json.dumps(left[:3])}"
    yield Figure(
        name="admin_cancel",
        value=answer.ms / 1000,
        unit="s",
        target=TARGET_SECONDS,
        target_of="value",
        extra={"tasks": len(names)},
    )
