"""Whatever pods send, and the API server answers, harms its own task alone, at a bounded cost. How this is asserted, and
run at length: `test_blast_radius.py`."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from djangotasks_api.names import QUEUE_PLURAL, TASK_PLURAL
from djangotasks_api.outcome import Outcome
from djangotasks_api.phases import Phase
from djangotasks_api.report_fields import InvalidReport
from djangotasks_api.reports import ProgressReport, Started
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.reports.recorder import Stale
from djangotasks_operator.reports.task_requests import AlreadyExists, TaskRequests
from djangotasks_operator.reports.task_rules import Refused, parse_body
from djangotasks_operator.runtime.decoding import UnreadableAnswer, decode_event, decode_list
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE
from tests.unit.operator.harness import InMemoryOperator
from tests.unit.operator.hostile.neighbour import PART, TRIED, WHOLE, check_neighbour, insert, operator_beside
from tests.unit.operator.hostile.queues import QUEUE
from tests.unit.operator.hostile.tasks import CHILD, REPORT, TASK
from tests.unit.operator.hostile.values import HOSTILE, mutated, text_of
from tests.unit.operator.model.calls import run

pytestmark = pytest.mark.thorough

FIELDS = tuple(REPORT)


def running_beside() -> tuple[InMemoryOperator, AttemptRef]:
    """With a hostile attempt that runs."""
    operator = operator_beside(QUEUE_PLURAL, QUEUE)
    insert(operator, TASK_PLURAL, {**TASK, "spec": {"task": "a.b", "queue": "default"}})
    operator.relist()
    operator.drain()
    task = operator.store.task(Key(NAMESPACE, "receipt"))
    assert task is not None
    return operator, AttemptRef(Key(NAMESPACE, "receipt"), task.metadata.uid, 1)


@WHOLE
@given(mutated(REPORT, *FIELDS), st.sets(st.sampled_from(FIELDS)))
def test_a_hostile_report(body: dict[str, Any], without: set[str]) -> None:
    """Of each kind, from an attempt that runs. It is refused, or its task's status is one that can be read."""
    operator, attempt = running_beside()
    text = json.dumps({key: value for key, value in body.items() if key not in without})

    with contextlib.suppress(InvalidReport, Stale):
        Started.from_json(text)
        run(operator.recorder.write_start(attempt, operator.clock.now))
    with contextlib.suppress(InvalidReport, Stale):
        run(operator.recorder.write_progress(attempt, ProgressReport.from_json(text)))
    with contextlib.suppress(InvalidReport, Stale):
        run(operator.recorder.outcome(attempt, Outcome.from_json(text)))
    assert operator.status("receipt").phase in Phase
    check_neighbour(operator, "reports")


@WHOLE
@given(mutated(CHILD, *CHILD).map(text_of))
def test_a_hostile_request_of_a_pod(text: str) -> None:
    """A pod that asks for another task, and to cancel a neighbour's."""
    operator, attempt = running_beside()
    requests = TaskRequests(operator.writer, operator.clock.seconds, operator.api.clock.now)
    for ask in (requests.enqueue, lambda attempt, body: requests.cancel(attempt, "receipt", body)):
        with contextlib.suppress(Refused, AlreadyExists, ApiError):
            run(ask(attempt, parse_body(text.encode("utf-8", "surrogatepass"))))
    check_neighbour(operator, "requests")


@PART
@given(st.lists(st.tuples(st.sampled_from(["well", "hostile"]), HOSTILE), min_size=1, max_size=6))
def test_hostile_bytes_in_a_list_and_a_watch(items: list[tuple[str, Any]]) -> None:
    """The well-behaved objects before and after are handed out, in order."""
    TRIED["lists"] += 1
    bodies = [
        f'{{"metadata":{{"name":"{number}"}}}}' if kind == "well" else text_of(value)
        for number, (kind, value) in enumerate(items)
    ]
    text = f'{{"items":[{",".join(bodies)}],"metadata":{{"resourceVersion":"1"}}}}'.encode()
    names = [
        body["metadata"]["name"]
        for body in decode_list(text).objects
        if isinstance(body.get("metadata"), dict) and "name" in body["metadata"]
    ]
    wanted = [str(number) for number, (kind, _) in enumerate(items) if kind == "well"]
    assert [name for name in names if name in wanted] == wanted
    for body in bodies:
        for line in (body, f'{{"type":"ADDED","object":{body}}}', body[: len(body) // 2]):
            try:
                decode_event(line.encode())
            except UnreadableAnswer:
                continue


REFUSALS = st.builds(
    lambda status, message: ApiError(status, {"message": message, "reason": "x"}),
    st.sampled_from([400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503, 504]),
    st.sampled_from(["", "denied", "exceeded quota", "request is too large", 'User "x" cannot get'])
    | st.text(max_size=20),
)


@WHOLE
@given(
    REFUSALS | st.sampled_from([OSError(), TimeoutError()]),
    st.sampled_from(["create jobs broken", "create pods broken", "patch djangotasks broken", "get djangotasks broken"]),
)
def test_a_hostile_webhook(error: Exception, where: str) -> None:
    """Whatever the API server answers for one queue's tasks, always and for all of them."""
    operator = operator_beside(QUEUE_PLURAL, {**QUEUE, "metadata": {"name": "default"}})

    def judge(request: str) -> None:
        if request.startswith(where):
            raise error

    operator.api.before_request = judge
    for number in range(8):
        body = {**TASK, "metadata": {"name": f"broken-{number}"}, "spec": {"task": "a.b", "queue": "default"}}
        insert(operator, TASK_PLURAL, body)
    check_neighbour(operator, "answers")
