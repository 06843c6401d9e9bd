"""The models and the API server agree on what a resource may be: what one accepts, so does the other.

Values have the right JSON types here. With wrong ones the server is the stricter side, field by field in `test_values`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from djangotasks_api import bounds
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.models import DjangoTask, DjangoTaskQueue, DjangoTaskSchedule
from djangotasks_api.models.base import Model
from djangotasks_api.names import TASK_KIND
from djangotasks_api.number_range import Range
from tests.contract.server import TEMPLATE, Object, Server, is_accepted, queue, schedule, task

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


def around(range_: Range, *, whole: bool) -> st.SearchStrategy[int | float]:
    """Numbers inside, at the bounds, and beyond them."""
    low, high = range_.least, range_.most
    edges = st.sampled_from([low - 1, low, high, high + 1])
    if whole:
        return st.one_of(edges, st.integers(low - 5, high + 5), st.sampled_from([2**31, 2**62]))
    return st.one_of(edges, st.floats(low - 5, high + 5))


policies = st.fixed_dictionaries(
    {},
    optional={
        "maxAttempts": around(bounds.MAX_ATTEMPTS, whole=True),
        "backoff": st.fixed_dictionaries(
            {},
            optional={
                "initialSeconds": around(bounds.BACKOFF_SECONDS, whole=False),
                "factor": around(bounds.BACKOFF_FACTOR, whole=False),
                "maxSeconds": around(bounds.BACKOFF_MAX_SECONDS, whole=False),
            },
        ),
        "timeoutSeconds": around(bounds.TIMEOUT_SECONDS, whole=True),
        "startTimeoutSeconds": around(bounds.START_TIMEOUT_SECONDS, whole=True),
        "ttlSecondsAfterFinished": around(bounds.TTL_SECONDS, whole=True),
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
        "priority": st.one_of(st.just(1), around(bounds.PRIORITY, whole=True)),
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
        "podTemplateFrom": st.fixed_dictionaries(
            {"deployment": st.one_of(st.just("web"), labels)},
            optional={
                "metadata": st.fixed_dictionaries(
                    {},
                    optional={
                        "labels": st.dictionaries(words, st.one_of(st.just("Aa_.1"), words), max_size=3),
                        "annotations": st.dictionaries(words, words, max_size=3),
                    },
                ),
                "copyLabels": st.lists(words, max_size=3),
                "sidecars": st.lists(st.one_of(st.just("proxy"), labels), max_size=3),
                "initContainers": st.lists(st.one_of(st.just("init"), labels), max_size=3),
            },
        ),
        "securityDefaults": st.sampled_from(["Restricted", "None", "Restricted ", ""]),
        "container": st.one_of(st.just("web"), labels),
        "command": st.lists(words, max_size=66),
        "concurrency": around(bounds.CONCURRENCY, whole=True),
        "policy": policies,
    },
)
crons = st.one_of(
    st.lists(st.sampled_from(["0 2 * * *", "*/5 * * * 1-5", "@daily", "0 0 L * 5#2"]), min_size=1, max_size=17),
    st.lists(st.one_of(words, st.text(st.sampled_from("0*/-,#L "), max_size=101)), max_size=2),
)
steps = st.fixed_dictionaries(
    {"name": st.one_of(st.just("a"), words), "task": st.just("shop.tasks.a")},
    optional={
        "map": st.sampled_from([{"list": "a"}, {"over": "a", "each": "a"}, {}]),
        "keepTasks": st.sampled_from(["Always", "OnFailure", "Never", "never"]),
    },
)
schedules = st.fixed_dictionaries(
    {},
    optional={
        "task": st.one_of(st.just({"task": "shop.tasks.nightly"}), tasks),
        "workflow": st.fixed_dictionaries({"steps": st.lists(steps, max_size=1)}),
        "cron": st.one_of(st.just(["0 2 * * *"]), crons),
        "everyMinutes": around(bounds.EVERY_MINUTES, whole=True),
        "timeZone": st.one_of(st.just("Europe/Berlin"), words),
        "startAt": st.one_of(st.just("2026-11-23T12:00:00Z"), times),
        "endAt": st.one_of(st.just("2026-11-23T13:00:00.5+05:30"), times),
        "jitterSeconds": around(bounds.JITTER_SECONDS, whole=True),
        "suspended": st.booleans(),
        "concurrencyPolicy": st.sampled_from(["Allow", "Forbid", "Replace", "Queue", "forbid", ""]),
        "catchUp": st.sampled_from(["None", "Latest", "All", "none"]),
        "catchUpLimit": around(bounds.CATCH_UP_LIMIT, whole=True),
        "startingDeadlineSeconds": around(bounds.STARTING_DEADLINE_SECONDS, whole=True),
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
def test_the_model_and_the_server_agree_on_a_task(server: Server, spec: dict[str, Any]) -> None:
    body = task("sample") | {"spec": spec}
    assert server_accepts(server, body) is model_accepts(DjangoTask, body)


@given(spec=queues)
def test_the_model_and_the_server_agree_on_a_queue(server: Server, spec: dict[str, Any]) -> None:
    body = queue("sample") | {"spec": spec}
    assert server_accepts(server, body) is model_accepts(DjangoTaskQueue, body)


@given(spec=schedules)
def test_the_model_and_the_server_agree_on_a_schedule(server: Server, spec: dict[str, Any]) -> None:
    body = schedule("sample") | {"spec": spec}
    assert server_accepts(server, body) is model_accepts(DjangoTaskSchedule, body)


# `format: date-time` alone takes the first ones: CEL then refuses them on every update, and nobody can change the task.
NO_TIMES = [
    "2026-11-23t12:00:00Z",
    "2026-11-23T12:00:00z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:59",
    "2026-11-23T12:00:00+24:00",
    "2026-11-23T12:00:00+99:99",
    "2026-11-23T12:00:60Z",
    "2026-11-23 12:00:00Z",
    "2026-11-23T12:00Z",
    "2026-11-23T12:00:00+0100",
    "2026-11-23T12:00:00",
    "2026-02-31T12:00:00Z",
]


@pytest.mark.parametrize("time", NO_TIMES)
@pytest.mark.parametrize("field", ["enqueuedAt", "runAfter", "expiresAt"])
def test_what_is_no_time_is_refused_when_the_task_is_made(server: Server, field: str, time: str) -> None:
    body = task("sample", **{field: time})
    assert (server_accepts(server, body), model_accepts(DjangoTask, body)) == (False, False)


@pytest.mark.parametrize("time", ["1000-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999999Z"])
def test_a_task_with_a_time_at_the_ends_can_be_changed(server: Server, new_task: Callable[..., str], time: str) -> None:
    name = new_task(enqueuedAt=time, runAfter=time, expiresAt=time)
    server.patch(TASK_KIND, name, {"spec": {"cancel": True}})
    assert server.get(TASK_KIND, name)["spec"]["cancel"] is True
