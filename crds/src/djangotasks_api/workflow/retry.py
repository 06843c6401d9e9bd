"""The retry of a workflow that failed: a new one, which takes over what succeeded. Pure.

Nothing of the earlier one changes. The results of what is taken over stay with its tasks.
"""

from collections.abc import Iterable, Iterator, Mapping

from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.bounds import RETRIES_MAX
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.graph import Graph, Runs
from djangotasks_api.workflow.inputs import StepItem
from djangotasks_api.workflow.plan import Plan, Spec, payload_of
from djangotasks_api.workflow.records import Record, StepPhase, TakenOver, WorkflowPhase, WorkflowReason
from djangotasks_api.workflow.stored import records_of

# Of a spec, what a retry does not copy: it is not cancelled, and has no key; no schedule waits for it, and no task. It
# stands for the same time of the schedule as the first.
NOT_RETRIED = frozenset(
    {
        "cancel",
        "cancelReason",
        "suspended",
        "enqueuedAt",
        "enqueuedBy",
        "idempotencyKey",
        "retryOf",
        "returnedBy",
        "schedule",
    }
)
# What of a step decides its result. Another policy or queue may be what the retry is for.
_DECISIVE = ("task", "inputs", "map")
# Why a workflow never ran.
_NEVER_RAN = (WorkflowReason.INVALID_GRAPH, WorkflowReason.NOT_RETRYABLE)


class NotRetryable(ValueError):
    """The workflow cannot be retried. The message says why, and what to do."""


def check_ended(name: str, status: Spec) -> None:
    """Raises NotRetryable unless the workflow ran, and ended without success. `status`: as it is stored."""
    phase, reason = WorkflowPhase(status.get("phase") or WorkflowPhase.PENDING), status.get("reason")
    if not phase.is_terminal:
        raise NotRetryable(f"The workflow {name} is {phase}. Wait for its end, or cancel it first.")
    if phase is WorkflowPhase.SUCCEEDED:
        raise NotRetryable(f"The workflow {name} succeeded: nothing of it is to be retried. Enqueue it again instead.")
    if reason in _NEVER_RAN:
        raise NotRetryable(f"The workflow {name} never ran ({reason}). Enqueue it again instead.")


def retried_spec(name: str, uid: str, spec: Spec, now: str) -> dict[str, object]:
    """The spec of the retry. `name`, `uid`, `spec`: of the earlier workflow. `now`: RFC 3339."""
    kept = {field: value for field, value in spec.items() if field not in NOT_RETRIED}
    return kept | {"enqueuedAt": now, "retryOf": {"name": name, "uid": uid}}


def taken_over(plan: Plan, earlier: Spec) -> dict[str, Record]:
    """The records that the retry begins with. `earlier`: the body of the workflow that it retries. Raises NotRetryable;
    InvalidGraph where somebody has written its status."""
    metadata, spec, status = earlier["metadata"], earlier["spec"], earlier.get("status") or {}
    check_ended(metadata["name"], status)
    before = Plan.of(spec)
    records = records_of(before.graph, status.get("steps") or {})
    found = take_over(plan.graph, records.items(), metadata["name"], metadata["uid"])
    for name, record in found.items():
        if _decisive(plan, name) != _decisive(before, name):
            raise NotRetryable(
                f"The step {name} is another one than in the workflow {metadata['name']}, where it succeeded. Enqueue "
                "a new workflow instead."
            )
        if len(record.taken_over) > RETRIES_MAX:
            raise NotRetryable(f"It was retried {RETRIES_MAX} times. Enqueue it again instead.")
    return found


def take_over(graph: Graph, old: Iterable[tuple[str, Record]], workflow: str = "", uid: str = "") -> dict[str, Record]:
    """The records that a retry begins with: what succeeded in the workflow that failed does not run again, index by
    index. Steps that run on failure or always do, and so does a map over the result of one."""
    records: dict[str, Record] = {}
    # Maps whose items may be others now.
    moved: set[str] = set()
    before = dict(old)
    for step in graph:
        if (step.over is not None and step.over not in records) or step.each in moved:
            moved.add(step.name)
        record = before.get(step.name)
        if record is None or step.runs is not Runs.ON_SUCCESS or step.name in moved:
            continue
        if record.phase is not StepPhase.SUCCEEDED:
            if not record.completed:
                continue
            record = Record(completed=record.completed, taken_over=record.taken_over)
        found = records[step.name] = record.copy()
        own = found.completed
        for known in found.taken_over:
            own = own.without(known.indexes)
        if own:
            found.taken_over = (*found.taken_over, TakenOver(workflow, uid, own.copy()))
    return records


def needed(plan: Plan, records: Mapping[str, Record]) -> Iterator[tuple[TakenOver, StepTask]]:
    """The tasks of earlier workflows whose results are still to be taken, by the steps that run, or by the output."""

    def record(name: str) -> Record:
        return records.get(name) or Record()

    wanted = list(plan.output.get("inputs") or ())
    for step in plan.graph:
        if record(step.name).phase is not StepPhase.SUCCEEDED:
            wanted += plan.steps[step.name].get("inputs") or ()
    items = dict.fromkeys(inputs.needed(plan, wanted, record))
    for step in plan.graph:
        known = record(step.name)
        if known.phase is StepPhase.SUCCEEDED or not inputs.takes_item(plan.steps[step.name]):
            continue
        if step.over is not None:
            items[StepItem(step.over, 0)] = None
        if step.each is not None:
            indexes = record(step.each).completed.without(known.completed)
            items |= dict.fromkeys(StepItem(step.each, index) for index in indexes)
    tasks: dict[tuple[str, StepTask], TakenOver] = {}
    for item in items:
        if (source := record(item.step).source(item.number)) is not None:
            tasks[source.workflow, inputs.task_of(plan, item)] = source
    for (_, task), source in tasks.items():
        yield source, task


def _decisive(plan: Plan, name: str) -> tuple[object, ...]:
    step = plan.steps[name]
    listed = (step.get("map") or {}).get("list")
    items = None if listed is None else list(plan.lists[listed])
    # What is not set, and what is set to nothing, is the same.
    return (payload_of(step), items, *(step.get(field) or None for field in _DECISIVE))
