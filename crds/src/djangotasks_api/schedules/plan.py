"""What a schedule's spec says, as far as it decides when a task is created. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, Literal

from djangotasks_api.schedules.timing import Timing

Concurrency = Literal["Allow", "Forbid", "Replace", "Queue"]
CatchUp = Literal["None", "Latest", "All"]

# The fields that say when a schedule is due. With other ones it is another schedule, which has nothing to catch up on.
TIMES: Final = ("cron", "everyMinutes", "timeZone", "startAt", "endAt", "suspended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One version of a schedule."""

    name: str
    uid: str
    created_at: datetime
    generation: int
    """1 for a spec that is as it was created."""
    timing: Timing
    digest: str
    """Of all that decides when it is due."""
    jitter: timedelta = timedelta(0)
    suspended: bool = False
    concurrency: Concurrency = "Forbid"
    catch_up: CatchUp = "Latest"
    catch_up_limit: int = 100
    deadline: timedelta | None = None
    """How late a task may be created."""
    runs: tuple[str, str] | None = None
    """What it creates: a task or a workflow, and the path of that."""

    @classmethod
    def of(cls, name: str, uid: str, created_at: datetime, spec: Mapping[str, Any], *, generation: int = 1) -> "Plan":
        """Read a spec that the API server has checked. Raises InvalidSchedule."""
        deadline = spec.get("startingDeadlineSeconds")
        return cls(
            name=name,
            uid=uid,
            created_at=created_at,
            generation=generation,
            timing=Timing.from_spec(spec),
            digest=digest(spec),
            jitter=timedelta(seconds=spec.get("jitterSeconds", 0)),
            suspended=spec.get("suspended", False),
            concurrency=spec.get("concurrencyPolicy", "Forbid"),
            catch_up=spec.get("catchUp", "Latest"),
            catch_up_limit=spec.get("catchUpLimit", 100),
            deadline=None if deadline is None else timedelta(seconds=deadline),
            runs=_runs(spec),
        )

    def due_at(self, scheduled_for: datetime) -> datetime:
        """When the task of a scheduled time is to be created. A jitter makes it later, always by the same, and
        before the next scheduled time: so the times keep their order."""
        if not self.jitter:
            return scheduled_for
        following = self.timing.next_after(scheduled_for)
        most = self.jitter if following is None else min(self.jitter, following - scheduled_for)
        drawn = blake2b(f"{self.uid}/{int(scheduled_for.timestamp())}".encode(), digest_size=8).digest()
        return scheduled_for + most * (int.from_bytes(drawn) / 2**64)

    def shown(self, scheduled_for: datetime) -> str:
        """A scheduled time as people read it, in the schedule's zone."""
        return scheduled_for.astimezone(self.timing.zone).isoformat(timespec="minutes")


def _runs(spec: Mapping[str, Any]) -> tuple[str, str] | None:
    which = "task" if spec.get("workflow") is None else "workflow"
    path = (spec.get(which) or {}).get(which)
    return None if path is None else (which, path)


def digest(spec: Mapping[str, Any]) -> str:
    """Of the fields that say when a schedule is due."""
    times = {name: spec[name] for name in TIMES if spec.get(name) not in (None, False)}
    text = json.dumps({"timeZone": "UTC"} | times, sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def wire_time(at: datetime) -> str:
    """A time as resources have it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
