"""What a standby pod is started with, and how it asks the operator for its one task."""

import json
from dataclasses import asdict, dataclass, fields
from typing import Final, Self

STANDBY_VARIABLE: Final = "DJANGOTASKS_STANDBY"
# For a standby pod that starts Python again when it has a task: with what the termination message is signed.
SEAL_VARIABLE: Final = "DJANGOTASKS_SEAL"
# The exit code of a runner that is started without a task and does not know standby pods, and of any that fails so.
NO_TASK_CODE: Final = 2
# How long the operator holds a request, in seconds. Below the age at which it closes connections.
HOLD_SECONDS: Final = 20.0
# In the answer 503 of a replica that does not lead: where the leader is.
LEADER_FIELD: Final = "leader"


@dataclass(frozen=True, slots=True, kw_only=True)
class StandbyAccess:
    """Where a standby pod asks, and what it imports before. Its token has a variable of its own."""

    url: str
    """The operator's endpoint, without a path."""

    namespace: str
    pod: str
    queue_uid: str
    preload: tuple[str, ...] = ()
    """Modules to import."""

    @property
    def path(self) -> str:
        """Of the request that is held until there is a task."""
        return f"/v1/standbys/{self.namespace}/{self.pod}/{self.queue_uid}/next"

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError or TypeError."""
        values = json.loads(text)
        known = {field.name: values[field.name] for field in fields(cls) if field.name in values}
        return cls(**known | {"preload": tuple(known.get("preload", ()))})
