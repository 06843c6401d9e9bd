"""Field selectors for results, and payloads as they are stored."""

import pytest
from django.tasks import TaskResultStatus

from django_tasks_kubernetes.codec.resource import decode_payload, selector
from django_tasks_kubernetes.exceptions import InvalidPayload


def test_selector_of_queue_status_and_task() -> None:
    running = selector(queue="mail", status=TaskResultStatus.RUNNING, task="a.b")
    assert running == "spec.queue=mail,spec.task=a.b,status.phase=Running"
    ready = selector(queue=None, status=TaskResultStatus.READY, task=None)
    assert ready == "status.phase!=Running,status.phase!=Succeeded,status.phase!=Failed,status.phase!=Cancelled"
    assert selector(queue=None, status=None, task=None) == ""


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "{",
        "[]",
        "null",
        '{"args":[]}',
        '{"args":{},"kwargs":{}}',
        '{"args":[],"kwargs":[]}',
        '{"args":[],"kwargs":{},"more":1}',
        "[" * 100_000,
    ],
    ids=lambda payload: payload[:20],
)
def test_decode_payload_refuses_other_json(payload: str) -> None:
    with pytest.raises(InvalidPayload):
        decode_payload(payload)
