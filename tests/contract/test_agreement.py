"""The models and the API server agree on what a resource may be: what one accepts, so does the other.

Values have the right JSON types here. With wrong ones the server is the stricter side, field by field in `test_values`.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_api.models.base import Model
from djangotasks_api.names import PAYLOAD_MAX_BYTES, PRIORITY_MAX, PRIORITY_MIN
from tests.contract.server import TEMPLATE, Object, Server, is_accepted, queue, task

# Letters of several scripts, a combining mark, a digit that is no ASCII, and what is in no name.
CHARACTERS = st.sampled_from("abzA09_-.ßй名é\u0301٣ \n$/;\x00")
words = st.text(CHARACTERS, max_size=8)
labels = st.one_of(words, st.text(st.sampled_from("ab0-"), min_size=1, max_size=64))
paths = st.one_of(
    words, st.lists(st.text(st.sampled_from("ab_0ßй名\u0301"), max_size=3), min_size=1, max_size=4).map(".".join)
)
times = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat()),
    st.datetimes().map(lambda time: time.isoformat() + "Z"),
    st.datetimes().map(lambda time: time.isoformat()),
    st.sampled_from(["", "now", "2026-11-23", "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T12:00:60Z"]),
)


def around(low: float, high: float, *, whole: bool) -> st.SearchStrategy[int | float]:
    """Numbers inside, at the bounds, and beyond them."""
    edges = st.sampled_from([low - 1, low, high, high + 1])
    if whole:
        return st.one_of(edges.map(int), st.integers(int(low) - 5, int(high) + 5), st.sampled_from([2**31, 2**62]))
    return st.one_of(edges, st.floats(low - 5, high + 5))


policies = st.fixed_dictionaries(
    {},
    optional={
        "maxAttempts": around(1, 100, whole=True),
        "backoff": st.fixed_dictionaries(
            {},
            optional={
                "initialSeconds": around(0, 86_400, whole=False),
                "factor": around(1, 100, whole=False),
                "maxSeconds": around(0, 604_800, whole=False),
            },
        ),
        "timeoutSeconds": around(1, 31_536_000, whole=True),
        "startTimeoutSeconds": around(1, 604_800, whole=True),
        "ttlSecondsAfterFinished": around(0, 315_360_000, whole=True),
        "unknown": words,
    },
)
payloads = st.one_of(words, st.integers(PAYLOAD_MAX_BYTES - 1, PAYLOAD_MAX_BYTES + 1).map(lambda length: "é" * length))
# Each field is right in most examples: one that is wrong would hide what the others are.
tasks = st.fixed_dictionaries(
    {"task": st.one_of(st.just("shop.tasks.send"), paths)},
    optional={
        "queue": st.one_of(st.just("reports"), labels),
        "backend": st.one_of(st.just("default"), words),
        "priority": st.one_of(st.just(1), around(PRIORITY_MIN, PRIORITY_MAX, whole=True)),
        "enqueuedAt": st.one_of(st.just("2026-11-23T12:00:00Z"), times),
        "runAfter": st.one_of(st.just("2026-11-23T12:00:00.5+05:30"), times),
        "payload": payloads,
        "policy": st.one_of(st.just({"maxAttempts": 3}), policies),
        "cancel": st.booleans(),
    },
)
queues = st.fixed_dictionaries(
    {},
    optional={
        "template": st.sampled_from([{}, TEMPLATE]),
        "podTemplateFrom": st.fixed_dictionaries({"deployment": st.one_of(st.just("web"), labels)}),
        "container": st.one_of(st.just("web"), labels),
        "command": st.lists(words, max_size=66),
        "concurrency": around(1, 100_000, whole=True),
        "policy": policies,
    },
)


def model_accepts(model: type[Model], body: Object) -> bool:
    try:
        model.model_validate(body)
    except ValidationError:
        return False
    return True


def server_accepts(server: Server, body: Object) -> bool:
    return is_accepted(lambda: server.create(body, dry_run=True))


@given(spec=tasks)
@example(spec={"task": "a.b", "runAfter": "2026-11-23t12:00:00z"})
def test_about_tasks(server: Server, spec: dict[str, Any]) -> None:
    body = task("sample") | {"spec": spec}
    assert server_accepts(server, body) is model_accepts(DjangoTask, body)


@given(spec=queues)
def test_about_queues(server: Server, spec: dict[str, Any]) -> None:
    body = queue("sample") | {"spec": spec}
    assert server_accepts(server, body) is model_accepts(DjangoTaskQueue, body)


# Seen with 1.37: the server is laxer with times. What it lets through and cannot be read fails as InvalidSpec.
LAXER = ["0000-01-01T00:00:00Z", "2026-11-23T12:00:00+99:99"]
# And pydantic with how they are written. Nobody gets that past the server.
STRICTER = ["2026-11-23 12:00:00Z", "2026-11-23T12:00Z", "2026-11-23T12:00:00+0100"]


@pytest.mark.parametrize("time", [*LAXER, *STRICTER])
def test_known_differences(server: Server, time: str) -> None:
    body = task("sample", runAfter=time)
    assert (server_accepts(server, body), model_accepts(DjangoTask, body)) == ((time in LAXER), (time in STRICTER))
