"""What the operator hands to a task pod: the task, and where its outcome goes.

It is passed in the pod's environment, or to a standby pod as JSON. In the environment, the payload has a variable of
its own, because inside the other it would be escaped again and outgrow the 128 KiB of one variable.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from djangotasks_api.stored import TextRef

ASSIGNMENT_VARIABLE: Final = "DJANGOTASKS_ASSIGNMENT"
PAYLOAD_VARIABLE: Final = "DJANGOTASKS_PAYLOAD"
TOKEN_VARIABLE: Final = "DJANGOTASKS_TOKEN"  # noqa: S105 - the name of a variable
# The encoding of a payload that lacks the task's inputs, which the runner reads from the operator. A runner that does
# not know it fails the task, rather than call it without them.
INPUTS_ENCODING: Final = "inputs"
# Set by the runner, for the task and its child processes: the name of the attempt's pod.
WORKER_VARIABLE: Final = "DJANGOTASKS_WORKER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt of one task. Times are RFC 3339, UTC."""

    id: str
    """The result's id, which is the DjangoTask's name."""

    namespace: str
    uid: str

    attempt: int
    """1 for the first."""

    worker_id: str
    """The attempt's Pod."""

    task: str
    """The dotted path of the Django task."""

    queue: str

    backend: str
    """The alias in Django's TASKS setting."""

    priority: int
    enqueued_at: str
    run_after: str | None

    worker_ids: tuple[str, ...]
    """The Pods of earlier attempts, the oldest first."""

    started_at: str | None
    """When the first of them started."""

    url: str
    """The operator's endpoint, without a path."""

    token: str
    """The credential for this attempt's reports, and for no other attempt's."""

    payload: str
    """JSON text, {"args": […], "kwargs": {…}}, encoded as in `payload_encoding`; empty where `payload_ref` is set."""

    retry_on: tuple[str, ...] | None = None
    """The policy's. The pod decides on exceptions, because it alone can look up their base classes."""

    never_retry_on: tuple[str, ...] = ()

    heartbeat_timeout: float | None = None
    """The seconds that the attempt may go without a report; None for no limit."""

    payload_encoding: str | None = None

    payload_ref: TextRef | None = None
    """The file that holds the payload instead."""

    scheduled_for: str | None = None
    """The time of its schedule that the task was created for."""

    chunk: str | None = None
    """The items that this attempt is to run, such as 0-3,7, where the task is a chunk. Earlier ones have the others."""

    has_items: bool = False
    """Earlier attempts have left results of items, which the runner reads from the operator."""

    retries_left: int | None = None
    """How many attempts may follow this one if it fails, by the policy when it started. None from an older operator."""

    @property
    def is_last(self) -> bool:
        """Whether the task has failed if this attempt does. True where that is not known."""
        return not self.retries_left

    def to_environ(self) -> dict[str, str]:
        """The environment variables that carry the assignment."""
        values = asdict(self)
        payload, token = values.pop("payload"), values.pop("token")
        return {
            ASSIGNMENT_VARIABLE: json.dumps(values, separators=(",", ":")),
            PAYLOAD_VARIABLE: payload,
            TOKEN_VARIABLE: token,
        }

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the assignment, and drop fields that only a newer operator knows: images outlive operators.

        Raises LookupError when a variable is missing: the process was not started by the operator.
        """
        values = json.loads(environ[ASSIGNMENT_VARIABLE])
        return cls._from_data(values | {"payload": environ[PAYLOAD_VARIABLE], "token": environ[TOKEN_VARIABLE]})

    def to_json(self) -> str:
        """As a standby pod gets it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote, as `from_environ` does. Raises ValueError or TypeError."""
        return cls._from_data(json.loads(text))

    @classmethod
    def _from_data(cls, data: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in data.items() if name in known}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        if (ref := values.pop("payload_ref", None)) is not None:
            values["payload_ref"] = TextRef.from_data(ref)
        return cls(**values)
