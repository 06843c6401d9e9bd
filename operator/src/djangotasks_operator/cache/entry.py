"""What the cache has of one task."""

from dataclasses import dataclass, field

from djangotasks_api.models import DjangoTask
from djangotasks_operator.pods.events import PodEvents
from djangotasks_operator.pods.views import Job, Pod


@dataclass(slots=True)
class Entry:
    """All that is cached under one task's name."""

    task: DjangoTask | None = None
    invalid: str | None = None
    """What is wrong with the task's spec."""
    jobs: dict[int, Job] = field(default_factory=dict)
    """By number of the attempt."""
    pods: dict[int, Pod] = field(default_factory=dict)
    unseen: set[int] = field(default_factory=set)
    """Attempts whose Job or Pod left the watch: it was deleted, or lost its labels. Only a read can tell which."""
    lost: set[int] = field(default_factory=set)
    """Attempts whose Pod was read, and is not there."""
    freed: bool = False
    """A Job or a Pod of an earlier task is gone, whose name this task's may have waited for."""
    events: PodEvents | None = None
    """Of the pod that does not start, where they were read."""

    def take_freed(self) -> bool:
        freed, self.freed = self.freed, False
        return freed
