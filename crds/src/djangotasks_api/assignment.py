"""What the operator tells a task pod to do: the task, and where its outcome goes.

Travels in the pod's environment. The payload has a variable of its own, because inside the other it
would be escaped again and outgrow the 128 KiB of one variable.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final, Self

from djangotasks_api.stored import TextRef

ASSIGNMENT_VARIABLE: Final = "DJANGOTASKS_ASSIGNMENT"
PAYLOAD_VARIABLE: Final = "DJANGOTASKS_PAYLOAD"
TOKEN_VARIABLE: Final = "DJANGOTASKS_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt of one task.

    `url`: the operator's endpoint, without a path. `token`: good for this attempt alone.
    `payload`: JSON text, {"args": […], "kwargs": {…}}, packed as `payload_encoding` says; or it is empty, and in the
    file of `payload_ref`. `worker_ids`: the pods of earlier attempts, oldest
    first. `started_at`: when the first of them started. Times are RFC 3339, UTC. `retry_on`, `never_retry_on`: of the
    policy, for the pod, which alone knows what an exception's base classes are. `heartbeat_timeout`: for how many
    seconds the attempt may be silent; None for as long as it likes.
    """

    id: str
    namespace: str
    uid: str
    attempt: int
    worker_id: str
    task: str
    queue: str
    backend: str
    priority: int
    enqueued_at: str
    run_after: str | None
    worker_ids: tuple[str, ...]
    started_at: str | None
    url: str
    token: str
    payload: str
    retry_on: tuple[str, ...] | None = None
    never_retry_on: tuple[str, ...] = ()
    heartbeat_timeout: float | None = None
    payload_encoding: str | None = None
    payload_ref: TextRef | None = None

    def to_environ(self) -> dict[str, str]:
        values = asdict(self)
        payload, token = values.pop("payload"), values.pop("token")
        return {
            ASSIGNMENT_VARIABLE: json.dumps(values, separators=(",", ":")),
            PAYLOAD_VARIABLE: payload,
            TOKEN_VARIABLE: token,
        }

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Raises LookupError when a variable is missing: the process was not started by the operator.

        Fields that only a newer operator knows are dropped: images outlive operators.
        """
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in json.loads(environ[ASSIGNMENT_VARIABLE]).items() if name in known}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        if (ref := values.pop("payload_ref", None)) is not None:
            values["payload_ref"] = TextRef.from_data(ref)
        return cls(**values, payload=environ[PAYLOAD_VARIABLE], token=environ[TOKEN_VARIABLE])
