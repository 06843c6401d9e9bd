"""The API server: versions, conflicts, owners, deletion. One namespace."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from djangotasks_api.names import (
    HOLD_PLURAL,
    QUEUE_PLURAL,
    SCHEDULE_PLURAL,
    TASK_PLURAL,
    TASK_UID_LABEL,
    WORKFLOW_PLURAL,
)
from djangotasks_operator.runtime.errors import ApiError
from tests.support.builders import NAMESPACE, NOW

Object = Mapping[str, Any]
Name = tuple[str, str]  # plural, name

GRACE = timedelta(seconds=30)
KINDS = (TASK_PLURAL, QUEUE_PLURAL, HOLD_PLURAL, WORKFLOW_PLURAL, SCHEDULE_PLURAL, "jobs", "pods")


@dataclass
class Time:
    """Passes for everybody alike."""

    passed: timedelta = timedelta()


@dataclass
class Clock:
    """What one machine takes for the time. `skew`: by how many seconds it is wrong."""

    time: Time = field(default_factory=Time)
    skew: float = 0

    @property
    def now(self) -> datetime:
        return NOW + self.time.passed + timedelta(seconds=self.skew)

    def seconds(self) -> float:
        """Since the beginning, and the same for all: nobody's idea of the time matters."""
        return self.time.passed.total_seconds()

    def stamp(self) -> str:
        """As Kubernetes writes it: whole seconds."""
        return self.now.replace(microsecond=0).astimezone(UTC).isoformat().replace("+00:00", "Z")

    def advance(self, seconds: float) -> None:
        self.time.passed += timedelta(seconds=seconds)

    def beside(self, skew: float) -> Clock:
        """Another machine's, which is wrong by `skew`."""
        return Clock(self.time, skew)


@dataclass(frozen=True)
class Event:
    plural: str
    type: str
    body: Object


@dataclass
class ApiServer:
    """Bodies are never changed in place, so a held body stays as it was.

    `refusal`: the answer to the creation of a Pod. `quotas`: how many Pods that have not ended, and how many Jobs, there
    may be. `admit_pod`: is shown every Pod that becomes an attempt's. `refused`: every Job or Pod that is refused. `judge_delete`: every object that somebody is to delete who names its
    uid, as the operator does."""

    clock: Clock
    objects: dict[Name, Object] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    refusal: str | None = None
    quotas: dict[str, int] = field(default_factory=dict)
    admit_pod: Callable[[Object], None] = lambda _: None
    refused: Callable[[Object], None] = lambda _: None
    judge_delete: Callable[[str, Object], None] = lambda _plural, _body: None
    violations: list[str] = field(default_factory=list)
    logs_read: list[str] = field(default_factory=list)
    pod_events: dict[str, Sequence[Object]] = field(default_factory=dict)
    """Events about Pods, by their uids."""
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def get(self, plural: str, name: str) -> Object:
        if (body := self.objects.get((plural, name))) is None:
            raise _error(404, "NotFound", f"{plural} {name!r} not found")
        return body

    def list(self, plural: str) -> list[Object]:
        return [body for (kind, _), body in self.objects.items() if kind == plural]

    def create(self, plural: str, body: Object, *, dry_run: bool = False) -> Object:
        name = body["metadata"]["name"]
        if (plural, name) in self.objects:
            raise _error(409, "AlreadyExists", f"{plural} {name!r} already exists")
        if (refusal := self._refusal(plural)) is not None:
            if not dry_run:
                self.refused(body)
            raise _error(403, "Forbidden", refusal)
        metadata = {
            **body["metadata"],
            "namespace": NAMESPACE,
            "uid": f"{plural}-{next(self._numbers)}",
            "generation": 1,
            "creationTimestamp": self.clock.stamp(),
        }
        body = {**body, "metadata": metadata}
        if plural == TASK_PLURAL:
            # The default of the CRD.
            body = {"status": {"phase": "Queued", "interruptions": 0}, **body}
        if dry_run:
            return body
        if _is_attempts(plural, body):
            self.admit_pod({**body, "metadata": {**metadata, "resourceVersion": "0"}})
        return self._store(plural, "ADDED", body)

    def patch(self, plural: str, name: str, change: Object) -> Object:
        """A merge patch. A uid in it is a precondition."""
        uid = change.get("metadata", {}).get("uid")
        if uid not in (None, self.get(plural, name)["metadata"]["uid"]):
            raise _error(409, "Conflict", "the uid in the precondition is another one")
        return self.update(plural, name, change)

    def json_patch(self, plural: str, name: str, operations: Sequence[Object]) -> Object:
        """Where a test fails, nothing is changed."""
        before = self.get(plural, name)
        body: Any = json.loads(json.dumps(before))
        for operation in operations:
            *parts, last = [p.replace("~1", "/").replace("~0", "~") for p in operation["path"].split("/")[1:]]
            parent = body
            for part in parts:
                parent = parent[int(part) if isinstance(parent, list) else part]
            match operation["op"]:
                case "test" if parent.get(last) != operation["value"]:
                    raise _error(422, "Invalid", "the server rejected our request due to an error in our request")
                case "add" | "replace":
                    parent[last] = operation["value"]
                case "remove":
                    del parent[last]
                case _:
                    pass
        moved = body["metadata"].get("ownerReferences") != before["metadata"].get("ownerReferences")
        if moved and _is_attempts(plural, body):
            self.admit_pod(body)
        return self._store(plural, "MODIFIED", body)

    def patch_status(self, plural: str, name: str, version: str, status: Object) -> Object:
        body = self.get(plural, name)
        if body["metadata"]["resourceVersion"] != version:
            raise _error(409, "Conflict", "the object has been modified")
        return self.update(plural, name, {"status": status})

    def log_end(self, pod: str) -> bytes:
        """As long as the pod is there, and once its container has started."""
        body = self.get("pods", pod)
        if not body.get("status", {}).get("containerStatuses"):
            raise _error(400, "BadRequest", f'container "task" in pod "{pod}" is waiting to start')
        self.logs_read.append(pod)
        return f"the log of {pod}\n".encode()

    def update(self, plural: str, name: str, changes: Object) -> Object:
        body = merged(self.get(plural, name), changes)
        if "spec" in changes:
            body = merged(body, {"metadata": {"generation": body["metadata"]["generation"] + 1}})
        return self._store(plural, "MODIFIED", body)

    def delete(
        self,
        plural: str,
        name: str,
        uid: str | None = None,
        version: str | None = None,
        grace: timedelta | None = None,
    ) -> None:
        """Pods end first, and are then removed by their node. All else goes at once: there are no finalizers."""
        body = self.get(plural, name)
        wanted = {"uid": uid, "resourceVersion": version}
        if any(value is not None and body["metadata"][key] != value for key, value in wanted.items()):
            raise _error(409, "Conflict", "the object is not that of the preconditions")
        if uid is not None:
            self.judge_delete(plural, body)
        if plural != "pods" or body.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            self.remove(plural, name)
        else:
            ends = (self.clock.now + (GRACE if grace is None else grace)).replace(microsecond=0)
            known = body["metadata"].get("deletionTimestamp")
            # A second deletion may make the time shorter, and not longer.
            if known is None or (grace is not None and ends < datetime.fromisoformat(known)):
                self.update(plural, name, {"metadata": {"deletionTimestamp": ends.isoformat()}})

    def remove(self, plural: str, name: str) -> None:
        body = merged(self.get(plural, name), {"metadata": {"resourceVersion": str(next(self._numbers))}})
        del self.objects[plural, name]
        self.events.append(Event(plural, "DELETED", body))

    def collect(self) -> None:
        """The garbage collector: what is owned by nothing goes."""
        uids = {body["metadata"]["uid"] for body in self.objects.values()}
        for (plural, name), body in list(self.objects.items()):
            owners = body["metadata"].get("ownerReferences", ())
            if owners and not any(owner["uid"] in uids for owner in owners):
                self.delete(plural, name)

    def _refusal(self, plural: str) -> str | None:
        if plural == "pods" and self.refusal is not None:
            return self.refusal
        if plural in self.quotas and self._used(plural) >= self.quotas[plural]:
            return f"exceeded quota: narrow, limited: {plural}={self.quotas[plural]}"
        return None

    def _used(self, plural: str) -> int:
        """Of a quota: an ended Pod is not counted, a Job is as long as it is there."""
        return sum(body.get("status", {}).get("phase") not in ("Succeeded", "Failed") for body in self.list(plural))

    def _store(self, plural: str, type_: str, body: Object) -> Object:
        body = merged(body, {"metadata": {"resourceVersion": str(next(self._numbers))}})
        if plural == "jobs" and type_ == "ADDED":
            labels = {"batch.kubernetes.io/controller-uid": body["metadata"]["uid"]}
            body = merged(body, {"spec": {"template": {"metadata": {"labels": labels}}}})
        self.objects[plural, body["metadata"]["name"]] = body
        self.events.append(Event(plural, type_, body))
        return body


def merged(body: Object, changes: Object) -> Object:
    """A JSON merge patch (RFC 7386)."""
    result = {key: value for key, value in body.items() if not (key in changes and changes[key] is None)}
    for key, value in changes.items():
        if isinstance(value, Mapping):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        elif value is not None:
            result[key] = value
    return result


def _is_attempts(plural: str, body: Object) -> bool:
    # Somebody's pod may have anything there.
    labels = body["metadata"].get("labels")
    return plural == "pods" and isinstance(labels, Mapping) and TASK_UID_LABEL in labels


def _error(status: int, reason: str, message: str) -> ApiError:
    return ApiError(status, {"reason": reason, "message": message})
