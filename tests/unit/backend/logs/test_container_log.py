"""One container's log: line by line, and resumed where it breaks off."""

from typing import Any

import pytest

from django_tasks_kubernetes.logs.container_log import Answer, ContainerLog
from tests.unit.backend.cli.responses import AWAY, SILENT, ok, refusal, stamped
from tests.unit.backend.resources import FakeClient, FakeResponse

MULTI = b'{"message": "a container name must be specified for pod one-1, choose one of: [proxy task] or one of ..."}'
GONE = b"unable to retrieve container logs for containerd://76"


def read(log: ContainerLog, **options: Any) -> list[Any]:
    return list(log.read(**({"follow": False} | options)))


def test_container_log_strips_timestamps_of_lines_in_chunks() -> None:
    text = stamped("one", "", "three é") + b"2026-11-23T12:00:03.5+01:00 no end"
    client = FakeClient(ok(text[:20], text[20:50], text[50:]))
    log = ContainerLog(client, "one-1")  # type: ignore[arg-type]
    assert read(log, tail=5) == [b"one\n", b"\n", "three é\n".encode(), b"no end", Answer.READ]
    assert client.asked == [("one-1", {"timestamps": "true", "tailLines": "5"})]


def test_container_log_resumes_without_repeating_a_line() -> None:
    client = FakeClient(ok(stamped("one", "two"), SILENT), ok(stamped("one", "two", "three")))
    log = ContainerLog(client, "one-1")  # type: ignore[arg-type]
    assert read(log, follow=True, tail=9) == [b"one\n", b"two\n", Answer.BROKEN]
    assert read(log, follow=True, tail=9) == [b"three\n", Answer.READ]
    assert client.asked[1][1] == {"timestamps": "true", "follow": "true", "sinceTime": "2026-11-23T12:00:01.000000001Z"}


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        (refusal(400, "container task in pod one-1 is waiting to start: ContainerCreating"), Answer.WAITING),
        (refusal(404, "pods one-1 not found"), Answer.GONE),
        (ok(GONE), Answer.GONE),
        (refusal(403, "cannot get resource pods/log"), Answer.FORBIDDEN),
        (AWAY, Answer.AWAY),
    ],
)
def test_container_log_answers_for_refusals(response: FakeResponse, answer: Answer) -> None:
    log = ContainerLog(FakeClient(response), "one-1")  # type: ignore[arg-type]
    assert read(log) == [answer]
    assert log.message
    assert not log.shown
    assert response.closed


def test_container_log_shows_a_line_like_the_kubelets() -> None:
    log = ContainerLog(FakeClient(ok(stamped(GONE.decode()))), "one-1")  # type: ignore[arg-type]
    assert read(log) == [GONE + b"\n", Answer.READ]


@pytest.mark.parametrize(("named", "container"), [("main", "main"), (None, "task")])
def test_container_log_chooses_the_tasks_container(named: str | None, container: str) -> None:
    client = FakeClient(FakeResponse(400, MULTI), ok(stamped("x")))
    if named:
        client.annotations = {"kubectl.kubernetes.io/default-container": named}
    assert read(ContainerLog(client, "one-1")) == [b"x\n", Answer.READ]  # type: ignore[arg-type]
    assert client.asked[1][1]["container"] == container
