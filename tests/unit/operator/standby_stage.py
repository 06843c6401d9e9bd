"""An operator in memory with standby pods, whose requests a test makes and answers itself."""

from __future__ import annotations

from typing import Any

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import QueueCondition
from djangotasks_api.names import STANDBY_LABEL
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.waiting_standbys import Gone, WaitingStandbys
from djangotasks_operator.pods.views import Body
from tests.support.builders import NAMESPACE
from tests.unit.operator.harness import InMemoryOperator, make_operator
from tests.unit.operator.model.calls import Calls, run


class Asking(WaitingStandbys):
    """Standby pods that ask whenever a test says so. Without an event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.asking: set[Key] = set()
        self.delivered: list[tuple[str, Assignment]] = []

    def is_ready(self, pod: Key) -> bool:
        return pod in self.asking

    def deliver(self, pod: Key, assignment: Assignment) -> None:
        if pod in self.asking:
            self.asking.discard(pod)
            self.delivered.append((pod.name, assignment))

    def stop(self) -> None:
        self.asking.clear()


def make_warm(api: Calls | None = None, *, standby: dict[str, Any] | None = None) -> InMemoryOperator:
    """An operator whose queue `default` has two standby pods, which wait. With `api`, another one on the same server,
    which finds what is there."""
    operator = make_operator(api, waiting=Asking())
    if api is None:
        operator.put_queue(standby={"min": 2} if standby is None else standby)
    operator.drain()
    ask(operator)
    return operator


def waiting(operator: InMemoryOperator) -> Asking:
    assert isinstance(operator.waiting, Asking)
    return operator.waiting


def idle(operator: InMemoryOperator) -> list[Body]:
    """The standby pods that no task has claimed, as the server has them."""
    pods: list[Body] = [
        body
        for body in operator.server.list("pods")
        if STANDBY_LABEL in body["metadata"]["labels"] and "djangotasks.dev/task" not in body["metadata"]["labels"]
    ]
    return pods


def ask(operator: InMemoryOperator) -> None:
    """Let all standby pods ask that live."""
    claims = operator.term.claims
    for body in operator.server.list("pods"):
        metadata = body["metadata"]
        over = "deletionTimestamp" in metadata or body.get("status", {}).get("phase") in ("Succeeded", "Failed")
        if STANDBY_LABEL not in metadata["labels"] or over:
            continue
        key = Key(NAMESPACE, metadata["name"])
        try:
            found = run(claims.task_of(key, operator.server.get("djangotaskqueues", "default")["metadata"]["uid"]))
        except Gone:
            continue
        if found is not None:
            waiting(operator).delivered.append((key.name, found))
        elif key not in waiting(operator).asking:
            waiting(operator).asking.add(key)
            claims.arrived(key)
    operator.drain()


def live(operator: InMemoryOperator) -> list[str]:
    return [pod["metadata"]["name"] for pod in idle(operator) if "deletionTimestamp" not in pod["metadata"]]


def condition(operator: InMemoryOperator) -> QueueCondition | None:
    operator.wait(10)
    found = operator.queue_status().conditions
    assert found[0].type == "Ready"
    return next((one for one in found if one.type == "StandbyReady"), None)
