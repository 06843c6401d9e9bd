"""A new task: its id, where its payload goes, and what a repetition leaves behind."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from django_tasks_kubernetes.codec.compression import ENCODING
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.enqueue.new_task import Repeat, arguments_text, marked, new_task, placed, repeated
from django_tasks_kubernetes.exceptions import NotFinished, PayloadTooLarge
from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.names import REQUEST_ANNOTATION
from djangotasks_api.task_ids import new_id
from tests.unit.backend import tasks

ECHO: Any = tasks.echo
LONG = "x" * PAYLOAD_MAX_BYTES


def test_ids_are_random_but_for_those_of_a_key() -> None:
    def id_of(**options: Any) -> str:
        return new_task(ECHO.using(**options), [], {}, "default").name

    assert id_of() != id_of()
    assert id_of(idempotency_key="a") == id_of(idempotency_key="a") != id_of(idempotency_key="b")


def test_each_request_has_a_mark_of_its_own() -> None:
    resource = new_task(ECHO, [], {}, "default").resource
    marks = {made["metadata"]["annotations"][REQUEST_ANNOTATION] for made in (resource, marked(resource))}
    assert len(marks) == 2


@pytest.mark.parametrize(
    ("text", "options", "fields", "overflows"),
    [
        ("{}", Options(), {"payload"}, False),
        (LONG, Options(), {"payload"}, False),
        (LONG + "x", Options(), {"payload"}, True),
        (LONG, Options(compress_payload_from=1000), {"payload", "payloadEncoding"}, False),
        ("{}", Options(compress_payload_from=1000), {"payload"}, False),
        # Compressed, it fits.
        (LONG + "x", Options(compress_payload_from=1000), {"payload", "payloadEncoding"}, False),
    ],
)
def test_where_a_payload_goes(text: str, options: Options, fields: set[str], overflows: bool) -> None:
    found, overflow = placed(text, options)
    assert (set(found), overflow is not None) == (fields, overflows)
    if overflows:
        assert (found["payload"], overflow) == ("", text)
    elif "payloadEncoding" in fields:
        assert found["payloadEncoding"] == ENCODING
    else:
        assert found["payload"] == text


@pytest.mark.parametrize(
    ("options", "length", "words"),
    [
        (Options(), PAYLOAD_MAX_BYTES, r"let a storage have what is larger: OPTIONS\['STORAGE'\]"),
        (Options(storage="tasks", storage_max_bytes=200_000), 200_000, r"OPTIONS\['STORAGE_MAX_BYTES'\]"),
    ],
)
def test_a_payload_that_is_too_large_names_the_way_out(options: Options, length: int, words: str) -> None:
    with pytest.raises(PayloadTooLarge, match=words):
        new_task(ECHO, ["x" * length], {}, "default", options)


def test_arguments_are_one_json_object() -> None:
    assert arguments_text([1, None], {"a": [True]}) == '{"args":[1,null],"kwargs":{"a":[true]}}'
    with pytest.raises(TypeError, match=r"args\[1\]"):
        arguments_text([1, object()], {})


def finished(**spec: Any) -> dict[str, Any]:
    labels = {"djangotasks.dev/queue": "default", "djangotasks.dev/enqueued-by": "parent"}
    return {
        "apiVersion": "v", "kind": "k", "metadata": {"name": "first", "uid": "u", "labels": labels},
        "spec": {"task": "a.b", "payload": "{}"} | spec, "status": {"phase": "Failed"},
    }  # fmt: skip


@pytest.mark.parametrize("field", ["cancel", "cancelReason", "runAfter", "expiresAt", "idempotencyKey", "enqueuedBy"])
def test_a_repetition_leaves_behind_what_was_of_the_first_alone(field: str) -> None:
    again = repeated(finished(**{field: "x"}), timezone.now())
    assert field not in again["spec"]
    assert (again["spec"]["task"], again["spec"]["retryOf"]) == ("a.b", "first")
    assert again["metadata"]["name"] != "first"
    labels = again["metadata"]["labels"]
    assert (labels["djangotasks.dev/queue"], "djangotasks.dev/enqueued-by" in labels) == ("default", False)


def test_a_repetition_under_a_given_id_is_one_request() -> None:
    how = Repeat(as_id=new_id(1, 2), requested_by="jane: why")
    one, two = (repeated(finished(), timezone.now(), how)["metadata"] for _ in range(2))
    assert one == two
    assert one["name"] == how.as_id
    assert one["annotations"]["djangotasks.dev/requested-by"] == "jane: why"
    other = repeated(finished(), timezone.now())["metadata"]
    assert other["annotations"]["djangotasks.dev/request"] != one["annotations"]["djangotasks.dev/request"]
    assert "djangotasks.dev/requested-by" not in other["annotations"]


@pytest.mark.parametrize("phase", [None, "Queued", "Running", "Retrying"])
def test_what_is_not_finished_is_not_repeated(phase: str | None) -> None:
    with pytest.raises(NotFinished, match="Task first is not finished"):
        repeated(finished() | {"status": {"phase": phase}}, timezone.now())
