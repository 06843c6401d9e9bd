"""The processes of standby pods on fake nodes: each asks for its task, as the runner does, and what it is given is noted.

The rest of them KWOK plays: a pod that a task has claimed has its labels, and ends as its queue's pods do.
"""

from __future__ import annotations

import http.client
import threading
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from djangotasks_api.assignment import TOKEN_VARIABLE, Assignment
from djangotasks_api.names import ATTEMPT_LABEL, QUEUE_LABEL, STANDBY_LABEL, TASK_LABEL, TASK_UID_LABEL
from djangotasks_api.standby import HOLD_SECONDS, STANDBY_VARIABLE, StandbyAccess

if TYPE_CHECKING:
    from benchmarks.soak.world import World

QUEUE = "standby"
LEAST, MOST = 2, 4
LOOK_SECONDS = 0.5
BETWEEN_SECONDS = 0.2
Object = dict[str, Any]
Attempt = tuple[str, int]  # the task's uid, the number


class Standbys:
    """Use as a context manager: meanwhile all standby pods that run ask. `given`: the attempts that each pod was given.
    `claimed`: the attempts that each Pod (by its uid) was seen to be."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asking: set[str] = set()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.given: defaultdict[str, set[Attempt]] = defaultdict(set)
        self.claimed: defaultdict[str, set[Attempt]] = defaultdict(set)

    def __enter__(self) -> Self:
        self._begin(self._look_on)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def problems(self) -> list[str]:
        """Of the pods that are there, and of those that were."""
        two = [f"the pod {uid} was {sorted(attempts)}" for uid, attempts in self.claimed.items() if len(attempts) > 1]
        two += [f"{pod} was given {sorted(attempts)}" for pod, attempts in self.given.items() if len(attempts) > 1]
        return two + more_than_one_pod(self.claimed)

    def is_settled(self) -> bool:
        """As many wait as are to."""
        return LEAST <= len(idle(self._world.pods())) <= MOST

    def _begin(self, work: Any, *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, name="standby", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _look_on(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            for pod in self._world.pods():
                metadata = pod["metadata"]
                if STANDBY_LABEL not in metadata.get("labels", {}):
                    continue
                if (attempt := attempt_of(pod)) is not None:
                    self.claimed[metadata["uid"]].add(attempt)
                if pod["status"].get("phase") == "Running" and metadata["uid"] not in self._asking:
                    self._asking.add(metadata["uid"])
                    self._begin(self._ask, pod)

    def _ask(self, pod: Object) -> None:
        """Until it has a task, or is to have none. Any replica may be asked: one that does not lead says so."""
        env = {one["name"]: one.get("value", "") for one in pod["spec"]["containers"][0]["env"]}
        access, number = StandbyAccess.from_json(env[STANDBY_VARIABLE]), 0
        while not self._stop.wait(BETWEEN_SECONDS if number else 0):
            replica = self._world.replicas[number % len(self._world.replicas)]
            with suppress(OSError, http.client.HTTPException):
                while (answer := _post(replica.port, access.path, env[TOKEN_VARIABLE]))[0] == 204:
                    if self._stop.is_set():
                        return
                if answer[0] == 200:
                    assignment = Assignment.from_json(answer[1])
                    self.given[access.pod].add((assignment.uid, assignment.attempt))
                    return
                if answer[0] == 410:
                    # Its process ends.
                    self._world.request("DELETE", f"/api/v1/namespaces/{access.namespace}/pods/{access.pod}")
                    return
            number += 1


def _post(port: int, path: str, token: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HOLD_SECONDS + 10)
    try:
        connection.request("POST", path, None, {"Authorization": f"Bearer {token}", "Connection": "close"})
        with connection.getresponse() as response:
            return response.status, response.read()
    finally:
        connection.close()


def attempt_of(pod: Object) -> Attempt | None:
    """Whose pod it is. None while it waits."""
    labels = pod["metadata"].get("labels", {})
    return (labels[TASK_UID_LABEL], int(labels[ATTEMPT_LABEL])) if TASK_UID_LABEL in labels else None


def task_of(pod: Object) -> str | None:
    """The name of the task whose pod it is. None while it waits."""
    labels = pod["metadata"].get("labels", {})
    own = pod["metadata"]["name"].rpartition("-")[0]
    task: str | None = labels.get(TASK_LABEL) if STANDBY_LABEL in labels else own
    return task


def idle(pods: list[Object]) -> list[str]:
    """The standby pods that live, and that no attempt has."""
    return [
        pod["metadata"]["name"]
        for pod in pods
        if pod["metadata"].get("labels", {}).get(QUEUE_LABEL) == QUEUE
        and task_of(pod) is None
        and pod["status"].get("phase") not in ("Succeeded", "Failed")
        and "deletionTimestamp" not in pod["metadata"]
    ]


def more_than_one_pod(claimed: dict[str, set[Attempt]]) -> list[str]:
    """Attempts that had several standby pods."""
    pods: defaultdict[Attempt, set[str]] = defaultdict(set)
    for uid, attempts in claimed.items():
        for attempt in attempts:
            pods[attempt].add(uid)
    return [f"attempt {attempt} had the pods {sorted(uids)}" for attempt, uids in pods.items() if len(uids) > 1]
