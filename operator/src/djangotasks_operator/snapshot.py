"""All that is known about one task: what `decide` is shown. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from djangotasks_api.models import DjangoTask, DjangoTaskQueue
from djangotasks_operator import transitions
from djangotasks_operator.observed import Job, Pod
from djangotasks_operator.policy import Limits, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that is known about one task. `jobs`, `pods`: by attempt.

    `lost`: attempts whose Job or Pod was seen to be gone. `admitted`: its queue has a place for it.
    `invalid`: what is wrong with the spec, where the API server let through what cannot be read.
    `surplus`: finished, and its queue has as many later ones as it keeps.
    `listening_since`: when this process began to hear what attempts report, and to store it. What it knows nothing of
    before that may not have been silent.
    """

    task: DjangoTask
    queue: DjangoTaskQueue | None
    jobs: Mapping[int, Job]
    pods: Mapping[int, Pod]
    lost: frozenset[int] = frozenset()
    admitted: bool = False
    invalid: str | None = None
    surplus: bool = False
    listening_since: datetime | None = None

    @property
    def limits(self) -> Limits:
        return resolve(self.task.spec.policy, self.queue)

    @property
    def number(self) -> int:
        return transitions.current_number(self.task.status)

    @property
    def in_progress(self) -> bool:
        """The current attempt has begun: it takes a place in its queue."""
        number = self.number
        return not self.task.status.phase.is_terminal and (
            number in self.jobs
            or number in self.pods
            or number in self.lost
            or transitions.open_attempt(self.task.status) is not None
        )
