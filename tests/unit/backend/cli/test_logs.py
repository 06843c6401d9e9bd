"""logs: from attempt to attempt, and the end of a log that was kept."""

from typing import Any

import pytest

from django_tasks_kubernetes.cli import logs as logs_module
from django_tasks_kubernetes.cli.logs import logs
from django_tasks_kubernetes.cli.session import Code
from tests.unit.backend.cli.responses import AWAY, SILENT, ok, refusal, stamped
from tests.unit.backend.resources import ENDED, FAILED, FakeClient, FakeResponse, FakeTasks, Recorded, attempt, resource

TAIL = {"attempt": 1, "text": "kept one\nkept two"}
MISSING = refusal(404, "not found")
DONE = resource(phase="Failed", attempts=[FAILED], logTail=TAIL)


def session_of(*answers: FakeResponse, now: Any = DONE, changes: list[Any] | None = None) -> Recorded:
    return Recorded(FakeTasks(now), client=FakeClient(*answers, changes=changes))


@pytest.mark.parametrize(
    ("now", "answers", "options", "code", "out", "words"),
    [
        (DONE, [ok(stamped("live"))], {}, Code.OK, "live\n", ""),
        (DONE, [MISSING], {}, Code.OK, "kept one\nkept two\n", "is gone"),
        (DONE, [MISSING], {"tail": 1}, Code.OK, "kept two\n", "as it was kept with the task"),
        (DONE, [MISSING], {"tail": 0}, Code.OK, "", "as it was kept with the task"),
        (DONE, [refusal(403, "User web cannot")], {}, Code.OK, "kept one\nkept two\n", "--resource=pods,pods/log"),
        (DONE, [refusal(403, 'User "system:serviceaccount:shop:web" cannot get')], {}, Code.OK, "kept one\nkept two\n",
         "--role=read-task-logs --serviceaccount=shop:web."),
        (DONE, [refusal(403, 'User "jane" cannot get')], {}, Code.OK, "kept one\nkept two\n",
         "kubectl logs -n shop one-1"),
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
def test_logs_of_an_attempt_or_its_kept_end(
    now: Any, answers: Any, options: dict[str, Any], code: Code, out: str, words: str
) -> None:
    given = session_of(*answers, now=now)
    assert (logs(given.session, "one", **options), given.out) == (code, out)
    assert words in given.err
    assert bool(words) is bool(given.err)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(logs_module, "KEPT_SECONDS", 0.05)


QUEUED, RUNS = resource(phase="Queued"), resource(phase="Running", attempts=[attempt()])
RETRYING = resource(phase="Retrying", reason="TaskError", message="no", attempts=[FAILED])
SECOND = resource(phase="Running", attempts=[FAILED, attempt(2)])
SUCCEEDED = resource(phase="Succeeded", attempts=[FAILED, attempt(2, **ENDED)])


def follow(*steps: Any, now: Any = QUEUED, **options: Any) -> tuple[Code, Recorded]:
    """`steps`: what happens one after the other: a response to a request for a log, or the task's next state, which is
    published when the response before it has been read."""
    given = Recorded(FakeTasks(now), client=FakeClient())
    client: Any = given.session.client
    version = 1

    def publish() -> None:
        nonlocal version
        while rest and isinstance(rest[0], dict):
            version += 1
            assert client.subscription is not None
            client.subscription.put("one", version, rest.pop(0))

    def subscribe(subscription: Any) -> Any:
        client.subscription = subscription
        publish()
        return lambda: None

    def log(pod: str, query: dict[str, str]) -> Any:
        client.asked.append((pod, dict(query)))
        response = rest.pop(0)
        publish()
        return response

    rest = list(steps)
    client.subscribe, client.log = subscribe, log
    code = Code(logs(given.session, "one", follow=True, **options))
    assert not rest, rest
    return code, given


def test_logs_follow_from_before_the_pod_exists_over_retries() -> None:
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


def test_logs_follow_one_attempt_to_its_end() -> None:
    code, given = follow(ok(stamped("a1")), now=RETRYING, attempt=1)
    assert (code, given.out, given.err) == (Code.OK, "a1\n", "")


def test_logs_follow_what_is_written_after_the_outcome() -> None:
    code, given = follow(ok(stamped("a1"), SILENT), ok(stamped("a1", "a receiver")), now=RETRYING, attempt=1)
    assert (code, given.out) == (Code.OK, "a1\na receiver\n")
    client: Any = given.session.client
    assert [query["follow"] for _, query in client.asked] == ["true", "true"]


def test_logs_follow_fails_for_a_task_that_never_starts() -> None:
    code, given = follow(resource(phase="Failed", reason="Expired", message="too late"))
    assert (code, given.out) == (Code.FAILED, "")
    assert given.err.splitlines()[-1] == "one has no attempt 1. It is Failed: Expired: too late"


def test_logs_follow_shows_the_kept_end_of_a_deleted_pod() -> None:
    failed = resource(phase="Failed", attempts=[FAILED])
    code, given = follow(refusal(404, "not found"), failed, refusal(404, "not found"), DONE, now=RUNS)
    assert (code, given.out) == (Code.OK, "kept one\nkept two\n")
    assert "is gone" in given.err


def test_logs_follow_without_permission_waits_for_the_kept_end() -> None:
    code, given = follow(refusal(403, "no"), DONE, now=RUNS)
    assert (code, given.out) == (Code.OK, "kept one\nkept two\n")
    assert "Or grant the right: kubectl create role read-task-logs" in given.err


def test_logs_follow_retries_an_unreachable_node() -> None:
    code, given = follow(AWAY, ok(stamped("x")), DONE, ok(), now=RUNS)
    assert (code, given.out) == (Code.OK, "x\n")
    assert "i/o timeout" in given.err
