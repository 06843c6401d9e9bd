"""Standby pods as they really are: their containers, the requests with which they ask, and what they are given."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from unittest import mock

from djangotasks_api.assignment import Assignment
from djangotasks_api.names import STANDBY_LABEL, TASK_UID_LABEL
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.waiting_standbys import WaitingStandbys
from djangotasks_operator.pods.parsing import parse_pod
from djangotasks_operator.pods.views import Pod
from tests.support.builders import NAMESPACE
from tests.unit.operator.model.server import ApiServer, Object


@dataclass(eq=False)
class Standby:
    """The container of a standby pod, until its task begins. `asks`: it has sent a request. `answer`: on its way to it.
    `is_over`: its answer was that there is no task for it."""

    key: Key
    uid: str
    queue_uid: str
    alive: bool = True
    asks: bool = False
    is_over: bool = False
    answer: Assignment | None = None

    def answered(self, assignment: Assignment | None) -> None:
        """Its request is over. It asks again where there was no task for it."""
        if not self.alive:
            return
        if assignment is None:
            self.asks = False
        else:
            self.answer = assignment


class HeldRequests(WaitingStandbys):
    """Those of one replica, without an event loop: an answer is a call."""

    def __init__(self) -> None:
        super().__init__()
        self.asking: dict[Key, Standby] = {}

    async def ask(self, standby: Standby) -> None:
        """As `next`, which returns what `Standby.answered` is called with here."""
        if (source := self._source) is None:
            standby.answered(None)
        elif (found := await source.task_of(standby.key, standby.queue_uid)) is not None:
            standby.answered(found)
        elif self._source is not source:
            standby.answered(None)
        else:
            self.recheck(standby.key)
            # The connections of those that have died are closed.
            self.asking = {pod: held for pod, held in self.asking.items() if held.alive}
            self.asking[standby.key] = standby
            source.arrived(standby.key)

    def is_ready(self, pod: Key) -> bool:
        return pod in self.asking and self.asking[pod].alive

    def deliver(self, pod: Key, assignment: Assignment) -> None:
        self._answer(pod, assignment)

    def recheck(self, pod: Key) -> None:
        self._answer(pod, None)

    def stop(self) -> None:
        self._source = None
        for pod in list(self.asking):
            self._answer(pod, None)

    def _answer(self, pod: Key, assignment: Assignment | None) -> None:
        if (standby := self.asking.pop(pod, None)) is not None:
            standby.answered(assignment)


class Standbys:
    """Those of the whole world."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._known: dict[str, Standby] = {}
        """Those whose container has started, by the Pod's uid."""
        self._served: dict[str, tuple[str, int]] = {}
        """The attempt (the task's uid, the number) of each standby pod that has had one, by the Pod's uid."""

    def bodies(self) -> list[Object]:
        """The Pods that no attempt has, as the server has them, and that have not ended."""
        return [body for body in self._server.list("pods") if is_idle(body) and not has_ended(body)]

    def deleting(self) -> list[Object]:
        pods = (body for body in self._server.list("pods") if is_idle(body))
        return [body for body in pods if "deletionTimestamp" in body["metadata"]]

    def not_started(self) -> list[Object]:
        return [body for body in self.bodies() if body["metadata"]["uid"] not in self._known]

    def alive(self) -> list[Standby]:
        """Those that run, and whose task has not begun, whether an attempt has them or not."""
        return [standby for standby in self._known.values() if standby.alive]

    def silent(self) -> list[Standby]:
        """Those that are about to ask."""
        return [standby for standby in self.alive() if not standby.asks]

    def over(self) -> list[Standby]:
        """Those that are about to end."""
        return [standby for standby in self.alive() if standby.is_over]

    def answers(self) -> list[Standby]:
        return [standby for standby in self.alive() if standby.answer is not None]

    def start(self, body: Object) -> None:
        """Its container starts."""
        metadata, stamp = body["metadata"], self._server.clock.stamp()
        key, owner = Key(NAMESPACE, metadata["name"]), metadata["ownerReferences"][0]
        self._known[metadata["uid"]] = Standby(key, metadata["uid"], owner["uid"])
        scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": stamp}
        state = {"name": "task", "state": {"running": {"startedAt": stamp}}}
        status = {"phase": "Running", "startTime": stamp, "conditions": [scheduled], "containerStatuses": [state]}
        self._server.update("pods", key.name, {"status": status})

    def crash(self, standby: Standby, code: int) -> None:
        """Its container ends, without a task."""
        standby.alive = False
        ended = {"exitCode": code, "reason": "Error", "message": "", "finishedAt": self._server.clock.stamp()}
        state = {"name": "task", "state": {"terminated": ended}}
        phase = "Failed" if code else "Succeeded"
        self._server.update("pods", standby.key.name, {"status": {"phase": phase, "containerStatuses": [state]}})

    def dies(self, uid: str) -> None:
        """The Pod is gone, or its node is."""
        if (standby := self._known.get(uid)) is not None:
            standby.alive = False

    def begin(self, standby: Standby) -> Iterator[Pod]:
        """The answer arrives: it is the attempt's process from now on."""
        standby.alive, assignment = False, standby.answer
        assert assignment is not None
        pod = parse_pod(self._server.get("pods", standby.key.name))
        if pod is None or (pod.uid, pod.task_uid, pod.attempt) != (standby.uid, assignment.uid, assignment.attempt):
            self._server.violations.append(f"{standby.key.name} is given {assignment.id}, and is not its pod")
        else:
            yield pod

    def judge(self, body: Object) -> Iterator[str]:
        """What is wrong with this Pod, which becomes an attempt's."""
        if (pod := parse_pod(body)) is None:
            return
        attempt = pod.task_uid, pod.attempt
        if pod.deleting:
            yield f"{pod.name} becomes {attempt}, and is being deleted"
        if pod.standby and self._served.setdefault(pod.uid, attempt) != attempt:
            yield f"{pod.name} was {self._served[pod.uid]}, and becomes {attempt}"
        for other in self._server.list("pods"):
            found = parse_pod(other)
            if found is None or found.ended or found.uid == pod.uid:
                continue
            if (found.task_uid, found.attempt) == attempt:
                yield f"{pod.name} becomes {pod.task}-{pod.attempt}, which has {found.name}"


def is_idle(body: Object) -> bool:
    labels = body["metadata"].get("labels", {})
    return STANDBY_LABEL in labels and TASK_UID_LABEL not in labels


def has_ended(body: Object) -> bool:
    return body.get("status", {}).get("phase") in ("Succeeded", "Failed")


def numbered_pods() -> AbstractContextManager[object]:
    """A story has the same names each time."""
    count = iter(range(1_000_000))
    return mock.patch.object(secrets, "token_hex", lambda size: f"{next(count):0{2 * size}x}")
