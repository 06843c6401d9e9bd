"""Logs: line by line, over what breaks off, from attempt to attempt; and what was kept where there is none."""

from typing import Any

import pytest
from urllib3.exceptions import ReadTimeoutError

from django_tasks_kubernetes.cli import logs as logs_module
from django_tasks_kubernetes.cli.container_log import Answer, ContainerLog
from django_tasks_kubernetes.cli.logs import logs
from django_tasks_kubernetes.cli.verbs import Code
from tests.unit.backend.cli.resources import ENDED, FAILED, FakeClient, FakeResponse, FakeTasks, Said, attempt, resource

MULTI = b'{"message": "a container name must be specified for pod one-1, choose one of: [proxy task] or one of ..."}'
AWAY = FakeResponse(500, b"dial tcp: i/o timeout")
SILENT = ReadTimeoutError(None, "url", "silent")  # type: ignore[arg-type]
GONE = b"unable to retrieve container logs for containerd://76"


def stamped(*texts: str, second: int = 0) -> bytes:
    return b"".join(f"2026-11-23T12:00:{second + n:02}.000000001Z {text}\n".encode() for n, text in enumerate(texts))


def ok(*parts: bytes | Exception) -> FakeResponse:
    return FakeResponse(200, list(parts))


def refusal(status: int, message: str) -> FakeResponse:
    return FakeResponse(status, f'{{"message": "{message}"}}'.encode())


def read(log: ContainerLog, **options: Any) -> list[Any]:
    return list(log.read(**({"follow": False} | options)))


def test_lines_come_without_their_times_and_however_they_are_cut() -> None:
    text = stamped("one", "", "three é") + b"2026-11-23T12:00:03.5+01:00 no end"
    client = FakeClient(ok(text[:20], text[20:50], text[50:]))
    log = ContainerLog(client, "one-1")  # type: ignore[arg-type]
    assert read(log, tail=5) == [b"one\n", b"\n", "three é\n".encode(), b"no end", Answer.READ]
    assert client.asked == [("one-1", {"timestamps": "true", "tailLines": "5"})]


def test_what_breaks_off_goes_on_and_tells_no_line_twice() -> None:
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
def test_what_is_no_log(response: FakeResponse, answer: Answer) -> None:
    log = ContainerLog(FakeClient(response), "one-1")  # type: ignore[arg-type]
    assert read(log) == [answer]
    assert log.said
    assert not log.shown
    assert response.closed


def test_a_task_may_write_what_the_kubelet_would_say() -> None:
    log = ContainerLog(FakeClient(ok(stamped(GONE.decode()))), "one-1")  # type: ignore[arg-type]
    assert read(log) == [GONE + b"\n", Answer.READ]


@pytest.mark.parametrize(("named", "container"), [("main", "main"), (None, "task")])
def test_of_many_containers_it_is_the_one_that_runs_the_task(named: str | None, container: str) -> None:
    client = FakeClient(FakeResponse(400, MULTI), ok(stamped("x")))
    if named:
        client.annotations = {"kubectl.kubernetes.io/default-container": named}
    assert read(ContainerLog(client, "one-1")) == [b"x\n", Answer.READ]  # type: ignore[arg-type]
    assert client.asked[1][1]["container"] == container


TAIL = {"attempt": 1, "text": "kept one\nkept two"}
MISSING = refusal(404, "not found")
DONE = resource(phase="Failed", attempts=[FAILED], logTail=TAIL)


def said(*answers: FakeResponse, now: Any = DONE, news: list[Any] | None = None) -> Said:
    return Said(FakeTasks(now), client=FakeClient(*answers, news=news))


@pytest.mark.parametrize(
    ("now", "answers", "options", "code", "out", "words"),
    [
        (DONE, [ok(stamped("live"))], {}, Code.OK, "live\n", ""),
        (DONE, [MISSING], {}, Code.OK, "kept one\nkept two\n", "is gone"),
        (DONE, [MISSING], {"tail": 1}, Code.OK, "kept two\n", "as it was kept with the task"),
        (DONE, [MISSING], {"tail": 0}, Code.OK, "", "as it was kept with the task"),
        (DONE, [refusal(403, "User web cannot")], {}, Code.OK, "kept one\nkept two\n", "--resource=pods,pods/log"),
        (DONE, [FakeResponse(500, b"no route")], {}, Code.OK, "kept one\nkept two\n", "no route"),
        (DONE, [], {"attempt": 2}, Code.FAILED, "", "There is no attempt 2 of one: the latest is 1."),
        (resource(phase="Failed", attempts=[FAILED, attempt(2, **ENDED)], logTail=TAIL), [MISSING], {}, Code.FAILED, "",
         "--attempt 1"),
        (resource(phase="Succeeded", attempts=[attempt(**ENDED)]), [MISSING], {}, Code.FAILED, "", "No end of attempt 1"),
        (resource(phase="Queued", reason="QueueNotFound", message="no queue"), [MISSING], {}, Code.FAILED, "",
         "one has not started. It is Queued: QueueNotFound: no queue"),
        (resource(phase="Queued"), [ok(stamped("soon"))], {}, Code.OK, "soon\n", ""),
    ],
)  # fmt: skip
def test_logs(now: Any, answers: Any, options: dict[str, Any], code: Code, out: str, words: str) -> None:
    given = said(*answers, now=now)
    assert (logs(given.session, "one", **options), given.out) == (code, out)
    assert words in given.err
    assert bool(words) is bool(given.err)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_module, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(logs_module, "KEPT_SECONDS", 0.05)


QUEUED, RUNS = resource(phase="Queued"), resource(phase="Running", attempts=[attempt()])
RETRYING = resource(phase="Retrying", reason="TaskError", message="no", attempts=[FAILED])
SECOND = resource(phase="Running", attempts=[FAILED, attempt(2)])
SUCCEEDED = resource(phase="Succeeded", attempts=[FAILED, attempt(2, **ENDED)])


def follow(*steps: Any, now: Any = QUEUED, **options: Any) -> tuple[Code, Said]:
    """`steps`: what happens one after the other: a response to a request for a log, or the task's next state, which is
    told when the response before it has been read."""
    given = Said(FakeTasks(now), client=FakeClient())
    client: Any = given.session.client
    version = 1

    def tell() -> None:
        nonlocal version
        while rest and isinstance(rest[0], dict):
            version += 1
            assert client.subscription is not None
            client.subscription.put("one", version, rest.pop(0))

    def subscribe(subscription: Any) -> Any:
        client.subscription = subscription
        tell()
        return lambda: None

    def log(pod: str, query: dict[str, str]) -> Any:
        client.asked.append((pod, dict(query)))
        response = rest.pop(0)
        tell()
        return response

    rest = list(steps)
    client.subscribe, client.log = subscribe, log
    code = Code(logs(given.session, "one", follow=True, **options))
    assert not rest, rest
    return code, given


def test_it_follows_from_before_the_pod_exists_over_retries_to_the_end() -> None:
    code, given = follow(
        RUNS,
        refusal(400, "is waiting to start: ContainerCreating"),
        ok(stamped("a1")),
        RETRYING,
        ok(stamped("a1", "last of a1")),
        SECOND,
        ok(stamped("a2", second=30)),
        SUCCEEDED,
        ok(),
    )
    assert (code, given.out) == (Code.OK, "a1\nlast of a1\na2\n")
    notes = given.err.splitlines()
    assert notes[-1] == "Attempt 2:"
    assert any("ContainerCreating" in note for note in notes)
    client: Any = given.session.client
    assert [pod for pod, _ in client.asked] == ["one-1"] * 3 + ["one-2"] * 2


def test_it_follows_one_attempt_to_its_end_only() -> None:
    code, given = follow(ok(stamped("a1")), now=RETRYING, attempt=1)
    assert (code, given.out, given.err) == (Code.OK, "a1\n", "")


def test_what_is_written_after_the_outcome_is_known_is_followed_too() -> None:
    code, given = follow(ok(stamped("a1"), SILENT), ok(stamped("a1", "a receiver")), now=RETRYING, attempt=1)
    assert (code, given.out) == (Code.OK, "a1\na receiver\n")
    client: Any = given.session.client
    assert [query["follow"] for _, query in client.asked] == ["true", "true"]


def test_a_task_that_never_starts() -> None:
    code, given = follow(resource(phase="Failed", reason="Expired", message="too late"))
    assert (code, given.out) == (Code.FAILED, "")
    assert given.err.splitlines()[-1] == "one has no attempt 1. It is Failed: Expired: too late"


def test_a_pod_that_is_deleted_at_its_deadline_leaves_what_was_kept() -> None:
    failed = resource(phase="Failed", attempts=[FAILED])
    code, given = follow(refusal(404, "not found"), failed, refusal(404, "not found"), DONE, now=RUNS)
    assert (code, given.out) == (Code.OK, "kept one\nkept two\n")
    assert "is gone" in given.err


def test_without_the_right_it_waits_for_what_will_be_kept() -> None:
    code, given = follow(refusal(403, "no"), DONE, now=RUNS)
    assert (code, given.out) == (Code.OK, "kept one\nkept two\n")
    assert "A person needs the right to get pods/log" in given.err


def test_a_node_that_is_away_is_asked_again() -> None:
    code, given = follow(AWAY, ok(stamped("x")), DONE, ok(), now=RUNS)
    assert (code, given.out) == (Code.OK, "x\n")
    assert "i/o timeout" in given.err
