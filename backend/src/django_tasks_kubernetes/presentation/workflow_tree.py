"""The steps of a workflow as a tree. Pure.

A graph is none: a step stands below the one, of those that it needs, that most others come before. The others are
named beside it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.presentation.text import age, moment, safe
from djangotasks_api.workflow.ranges import Indexes
from djangotasks_api.workflow.records import StepPhase

# Deeper ones stand beside their parent: a chain of forty would leave the terminal.
DEPTH_MAX: Final = 6
CONDITIONS: Final = {"OnFailure": "on failure", "Always": "always"}
OVER: Final = frozenset(phase for phase in StepPhase if phase.is_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step."""

    name: str
    task: str
    branch: str
    """What is drawn before its name."""
    phase: str
    reason: str
    message: str
    runs: str
    needs: tuple[str, ...]
    beside: tuple[str, ...]
    """What it needs, and does not stand below."""
    is_map: bool
    width: int | None
    chunk: int | None
    """How many items one of its tasks is for; None where it is in no chunks."""
    completed: Indexes
    failed: Indexes
    taken_over: int
    """How many of its items succeeded in an earlier workflow, which this one retries."""
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def is_over(self) -> bool:
        return self.phase in OVER

    @property
    def waits(self) -> bool:
        """Whether it has not begun."""
        return self.phase == StepPhase.PENDING

    @property
    def tasks(self) -> str:
        """Of a map: how many of its items are over, of how many."""
        if not self.is_map or self.width is None:
            return ""
        return f"{len(self.completed) + len(self.failed)}/{self.width}"

    @property
    def first_unfinished(self) -> int:
        """Of a map: the first index that is not over."""
        return next((n for n in range(self.width or 1) if n not in self.completed and n not in self.failed), 0)

    def task_of(self, index: int | None) -> int | None:
        """The number of the task that an item is for."""
        return index if index is None or self.chunk is None else index // self.chunk

    @property
    def notes(self) -> Iterator[tuple[str, Mapping[str, str]]]:
        """What is said beside it: sentences, each with what is filled in."""
        if self.runs in CONDITIONS:
            yield CONDITIONS[self.runs], {}
        if self.reason and self.phase != StepPhase.FAILED:
            yield "%(reason)s", {"reason": self.reason}
        if self.chunk is not None:
            yield "in chunks of %(number)s", {"number": f"{self.chunk:,}"}
        if self.is_map and self.failed:
            yield "%(number)s failed", {"number": f"{len(self.failed):,}"}
        if self.taken_over:
            words = "%(number)s taken over" if self.is_map else "taken over"
            yield words, {"number": f"{self.taken_over:,}"}
        if self.beside:
            yield "also after %(steps)s", {"steps": ", ".join(self.beside)}

    @property
    def note(self) -> str:
        return ", ".join(text % given for text, given in self.notes)


def tree(resource: Resource) -> list[StepView]:
    """The steps, in the order of the tree."""
    steps = {step["name"]: step for step in resource["spec"]["steps"]}
    needs: dict[str, tuple[str, ...]] = {}
    depths: dict[str, int] = {}
    parents: dict[str, str | None] = {}
    below: dict[str | None, list[str]] = {}
    for name, step in steps.items():
        # Where somebody wrote a step that needs a later one, that is no graph; it is shown all the same.
        needs[name] = tuple(need for need in _needs(step) if need in depths)
        parents[name] = max(needs[name], key=lambda need: depths[need], default=None)
        depths[name] = max((depths[need] + 1 for need in needs[name]), default=0)
        below.setdefault(parents[name], []).append(name)
    status = (resource.get("status") or {}).get("steps") or {}
    return [
        _view(steps[name], branch, status.get(name) or {}, needs[name], parents[name])
        for name, branch in _branches(below)
    ]


def visible(steps: list[StepView], most: int) -> list[StepView]:
    """So many of the steps at most, in their order: first those that run, then those that failed, then the others."""
    ranks: dict[str, int] = {StepPhase.RUNNING: 0, StepPhase.FAILED: 1, StepPhase.PENDING: 2}
    order = sorted(range(len(steps)), key=lambda place: (ranks.get(steps[place].phase, 3), place))
    kept = set(order[:most])
    return [step for place, step in enumerate(steps) if place in kept]


def columns_of_tree(steps: Iterable[StepView], now: datetime) -> list[dict[str, str]]:
    """The cells of a table by their headings."""
    return [
        {
            "STEP": f"{step.branch}{step.name}",
            "PHASE": step.phase,
            "TASKS": step.tasks,
            "TIME": age(step.started_at, step.finished_at or (None if step.is_over else now)),
            "NOTE": step.note,
        }
        for step in steps
    ]


def step_record(step: StepView) -> dict[str, Any]:
    """A step as JSON values. Times are RFC 3339; unknown values are None."""
    return {
        "name": step.name,
        "task": step.task,
        "phase": step.phase,
        "reason": step.reason or None,
        "message": step.message or None,
        "runs": step.runs,
        "needs": list(step.needs),
        "width": step.width,
        "chunk": step.chunk,
        "completed": len(step.completed),
        "failed": len(step.failed),
        "taken_over": step.taken_over,
        "failed_indexes": str(step.failed) if step.is_map else None,
        "started_at": step.started_at and step.started_at.isoformat(),
        "finished_at": step.finished_at and step.finished_at.isoformat(),
    }


def _needs(step: Mapping[str, Any]) -> Iterator[str]:
    source = step.get("map") or {}
    yield from (name for name in (source.get("over"), source.get("each")) if name)
    yield from (found["step"] for found in step.get("inputs") or () if found.get("step"))
    yield from step.get("after") or ()


def _branches(below: Mapping[str | None, list[str]]) -> Iterator[tuple[str, str]]:
    """Each step, with the lines that lead to it. Without recursion: there may be 500, one below the other."""
    left = [(name, "", "", 0) for name in reversed(below.get(None, ()))]
    seen: set[str] = set()
    while left:
        name, branch, lead, depth = left.pop()
        if name in seen:
            continue
        seen.add(name)
        yield name, branch
        children = below.get(name, [])
        for number, child in reversed(list(enumerate(children))):
            if depth >= DEPTH_MAX:
                left.append((child, branch, lead, depth))
                continue
            own, under = ("└─ ", "   ") if number == len(children) - 1 else ("├─ ", "│  ")
            left.append((child, lead + own, lead + under, depth + 1))


def _view(
    step: Mapping[str, Any], branch: str, status: Mapping[str, Any], needs: tuple[str, ...], parent: str | None
) -> StepView:
    return StepView(
        name=safe(step["name"]),
        task=safe(step["task"]),
        branch=branch,
        phase=safe(status.get("phase") or StepPhase.PENDING),
        reason=safe(status.get("reason") or ""),
        message=safe(status.get("message") or ""),
        runs=step.get("runs") or "OnSuccess",
        needs=tuple(safe(name) for name in dict.fromkeys(needs)),
        beside=tuple(safe(name) for name in dict.fromkeys(needs) if name != parent),
        is_map=bool(step.get("map")),
        width=status.get("width"),
        chunk=(step.get("map") or {}).get("chunk"),
        completed=_indexes(status.get("completedIndexes")),
        failed=_indexes(status.get("failedIndexes")),
        taken_over=sum(len(_indexes(taken.get("indexes"))) for taken in status.get("takenOver") or ()),
        started_at=moment(status.get("startedAt")),
        finished_at=moment(status.get("finishedAt")),
    )


def _indexes(text: Any) -> Indexes:
    try:
        return Indexes.parse(text or "")
    except (ValueError, TypeError):
        return Indexes()
