"""Read the specs of workflows. A large one takes as long as hundreds of reconciles do: so that is done in a thread, one
at a time, and once for each workflow. What a tenant enqueues does not hold up the others. So it is with large results.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import ValidationError

from djangotasks_api.models.workflow import WorkflowSpec
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import InvalidGraph
from djangotasks_api.workflow.keeping import Keeping
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.records import Record, TakenOver
from djangotasks_api.workflow.retry import needed, taken_over
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.pods.views import Body
from djangotasks_operator.runtime.turns import FairLock

# Measured: the engine takes 2 KB for a step; and a spec of many small things, as Python has it, up to 12 times its
# characters.
BYTES_PER_STEP = 2_000
BYTES_PER_CHARACTER = 12


class InThread(Protocol):
    """Calls a function where that does not hold up the event loop."""

    def __call__[T](self, call: Callable[[], T], /) -> Awaitable[T]: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a spec says. It does not change while its workflow exists."""

    plan: Plan
    keeping: Keeping
    size: int
    """Of the spec as JSON, in characters."""
    memory: int
    """How many bytes the workflow takes in memory while it runs, at most."""


@dataclass(frozen=True, slots=True)
class Takeover:
    """What a retry begins with."""

    records: Mapping[str, Record]
    needed: tuple[tuple[TakenOver, StepTask], ...]
    """The tasks of earlier workflows whose results it takes."""


@dataclass(slots=True)
class Plans:
    """Those of workflows that run."""

    in_thread: InThread = asyncio.to_thread
    _known: dict[Key, tuple[str, Reading]] = field(default_factory=dict)
    """With the uid of the workflow."""
    _lock: FairLock = field(default_factory=FairLock)

    async def read(self, body: Body) -> Reading:
        """Read the spec of a workflow that runs. Raises InvalidGraph, also for what an older CRD let through."""
        metadata = body["metadata"]
        key, uid = Key(metadata["namespace"], metadata["name"]), metadata["uid"]
        known = self._known.get(key)
        if known is None or known[0] != uid:
            known = self._known[key] = uid, await self.read_once(body)
        return known[1]

    async def read_once(self, body: Body) -> Reading:
        """Read the spec of a workflow that does not run. Raises InvalidGraph."""
        return await self.apart(body["metadata"]["namespace"], lambda: _read(body["spec"]))

    async def take_over(self, reading: Reading, earlier: Body) -> Takeover:
        """What a retry takes over of the workflow that it retries. Raises NotRetryable and InvalidGraph."""
        return await self.apart(earlier["metadata"]["namespace"], lambda: _take_over(reading.plan, earlier))

    async def apart[T](self, namespace: str, call: Callable[[], T]) -> T:
        """Call what takes long in a thread, one call at a time. Namespaces take turns."""
        async with self._lock.of(namespace):
            return await self.in_thread(call)

    def forget(self, key: Key) -> None:
        """The workflow does not run any more."""
        self._known.pop(key, None)


def _read(spec: Body) -> Reading:
    try:
        WorkflowSpec.model_validate(spec)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidGraph(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    plan = Plan.of(spec)
    rest = len(json.dumps({name: value for name, value in spec.items() if name != "lists"}))
    listed = sum(items.bytes for items in plan.lists.values())
    memory = listed + BYTES_PER_STEP * (len(plan.graph) + 1) + BYTES_PER_CHARACTER * rest
    size = rest + sum(len(each["items"]) for each in spec.get("lists") or ())
    return Reading(plan, Keeping.of(plan), size, memory)


def _take_over(plan: Plan, earlier: Body) -> Takeover:
    records = taken_over(plan, earlier)
    return Takeover(records, tuple(needed(plan, records)))
