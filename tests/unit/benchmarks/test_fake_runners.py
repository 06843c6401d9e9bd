"""A pod on a fake node asks for its task, and reports, as a runner does."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from benchmarks.fake_runners import Counts, Runners, assignment_of, environ_of
from djangotasks_api.assignment import TOKEN_VARIABLE, Assignment
from djangotasks_api.outcome import Outcome
from djangotasks_api.standby import STANDBY_VARIABLE, StandbyAccess


class Operator:
    """`answers`: by the end of the path; 204 else. `asked`: what came: the end of the path, the token and the body."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str]] = {}
        self.asked: list[tuple[str, str, bytes]] = []
        operator = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                last = self.path.rpartition("/")[2]
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                operator.asked.append((last, self.headers["Authorization"], body))
                status, text = operator.answers.get(last, (204, ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def operator() -> Iterator[Operator]:
    found = Operator()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def assigned(url: str) -> Assignment:
    return Assignment(
        id="t-1",
        namespace="shop",
        uid="u-1",
        attempt=1,
        worker_id="warm-1",
        task="shop.probes.add",
        queue="warm",
        backend="default",
        priority=0,
        enqueued_at="2026-11-29T12:00:00Z",
        run_after=None,
        worker_ids=(),
        started_at=None,
        url=url,
        token="attempt's",
        payload="{}",
    )


def standby_environ(url: str) -> dict[str, str]:
    access = StandbyAccess(url=url, namespace="shop", pod="warm-1", queue_uid="q-1")
    return {STANDBY_VARIABLE: access.to_json(), TOKEN_VARIABLE: "pod's"}


def test_a_standby_pod_asks_and_reports_success(operator: Operator) -> None:
    operator.answers["next"] = 200, assigned(operator.url).to_json()
    runners = Runners()
    runners.run(standby_environ(operator.url))
    assert operator.asked[0] == ("next", "Bearer pod's", b"")
    ((token, body),) = [(token, body) for last, token, body in operator.asked if last == "outcome"]
    assert token == "Bearer attempt's"
    assert Outcome.from_json(body.decode()).result == "3"
    assert runners.counts == Counts(handed=1, begun=1, reported=1)


def test_a_standby_pod_that_gets_no_task_reports_nothing(operator: Operator) -> None:
    operator.answers["next"] = 410, "the pod is being deleted"
    runners = Runners()
    runners.run(standby_environ(operator.url))
    assert [last for last, *_ in operator.asked] == ["next"]
    assert runners.counts == Counts()


def test_an_outcome_that_comes_too_late_is_not_counted(operator: Operator) -> None:
    operator.answers["outcome"] = 409, "it is over"
    runners = Runners()
    runners.run(assigned(operator.url).to_environ())
    assert runners.counts == Counts(handed=0, begun=1, reported=0)


def test_the_environment_is_the_containers() -> None:
    environ = assigned("http://operator").to_environ()
    env: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in environ.items()]
    pod = {"spec": {"containers": [{"env": [*env, {"name": "NODE", "valueFrom": {}}]}]}}
    assert environ_of(pod) == environ | {"NODE": ""}
    assert assignment_of(environ_of(pod)) == assigned("http://operator")


@pytest.mark.parametrize("phase", ["Pending", "Succeeded"])
def test_a_pod_that_does_not_run_has_no_runner(phase: str) -> None:
    assert Runners().see({"status": {"phase": phase}}) is None
