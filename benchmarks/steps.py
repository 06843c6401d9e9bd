"""Where the time of a task, or of a bare Job, goes: when each object of it was seen to reach its next step, by watches."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from benchmarks import crowd, jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.fake_site import FakeSite

Object = dict[str, Any]
type Watched = tuple[str, Callable[[Object], Sequence[str]], Callable[[Object], str], Callable[[Object], str | None]]
STEPS = ("task", "job", "pod", "scheduled", "running", "succeeded", "result")


@dataclass
class Sightings(crowd.Ends):
    """`seen`: when each object was first seen at each step. `steps_of`: those that it has reached. `owner_of`: the name
    of the task, or of the bare Job."""

    steps_of: Callable[[Object], Sequence[str]] = field(kw_only=True)
    owner_of: Callable[[Object], str] = field(kw_only=True)
    seen: dict[tuple[str, str], float] = field(kw_only=True)

    def _see(self, item: Object) -> None:
        super()._see(item)
        for step in self.steps_of(item):
            self.seen.setdefault((self.owner_of(item), step), time.monotonic())


class Trace:
    """Follows what is in one queue, or bare Jobs. Use it as a context manager around what it is to see. `ends`: of the
    tasks, or of the bare Jobs."""

    def __init__(self, site: FakeSite, queue: str | None) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        selector = "!djangotasks.dev/queue" if queue is None else f"djangotasks.dev/queue={queue}"
        pods = f"/api/v1/namespaces/{site.namespace}/pods"
        watched: list[Watched] = [(pods, _pod_steps, _owner_of_pod, lambda _: None)]
        if queue is None:
            watched.append((jobs.jobs_path(site.namespace), _job_steps, _name, jobs.condition_of))
        else:
            watched.append((jobs.jobs_path(site.namespace), lambda _: ("job",), _owner_of_pod, lambda _: None))
            watched.append((crowd.tasks_path(site.namespace), _task_steps, _name, crowd.task_end))
        self._watches = [
            Sightings(
                site.kubeconfig,
                f"{path}?labelSelector={selector}",
                end_of,
                steps_of=steps_of,
                owner_of=owner_of,
                seen=self._seen,
            )
            for path, steps_of, owner_of, end_of in watched
        ]
        self.ends: crowd.Ends = self._watches[-1]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for watch in self._watches:
                stack.enter_context(watch)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def parts(self, name: str, began: float) -> Mapping[str, float]:
        """Seconds from each step to the next one that was seen, by the later one."""
        found, last = dict[str, float](), began
        for step in STEPS:
            if (at := self._seen.get((name, step))) is not None:
                found[step], last = max(at - last, 0.0), max(at, last)
        return found


def _name(item: Object) -> str:
    name: str = item["metadata"]["name"]
    return name


def _owner_of_pod(item: Object) -> str:
    """The name of the task, or of the bare Job."""
    labels = item["metadata"].get("labels") or {}
    name: str = labels.get("djangotasks.dev/task") or labels.get("job-name") or item["metadata"]["name"]
    return name


def _task_steps(task: Object) -> Sequence[str]:
    return ("task",) if crowd.task_end(task) is None else ("task", "result")


def _job_steps(job: Object) -> Sequence[str]:
    return ("job",) if jobs.condition_of(job) is None else ("job", "result")


def _pod_steps(pod: Object) -> Sequence[str]:
    reached = ["pod"]
    if pod["spec"].get("nodeName"):
        reached.append("scheduled")
    if (phase := pod.get("status", {}).get("phase")) in ("Running", "Succeeded"):
        reached.append("running")
    if phase == "Succeeded":
        reached.append("succeeded")
    return reached
