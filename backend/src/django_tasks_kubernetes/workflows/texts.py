"""The results of a workflow's tasks as JSON texts: of its own, and of those of workflows that it retries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import InvalidResource
from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import InputError
from djangotasks_api.workflow.plan import Plan
from djangotasks_api.workflow.records import Record
from djangotasks_api.workflow.stored import records_of
from djangotasks_api.workflow.tasks import source_name

if TYPE_CHECKING:
    from django_tasks_kubernetes.store import TaskStore

# Up to so many results are read one by one.
FEW: Final = 8


class Source(Protocol):
    """Where tasks are."""

    @property
    def tasks(self) -> "TaskStore": ...

    def result_text(self, resource: Resource) -> str:
        """The return value of a task that succeeded, as JSON text. Raises InvalidResource or StorageFailed."""


def records_in(workflow: Resource, plan: Plan) -> inputs.Records:
    found = records_of(plan.graph, (workflow.get("status") or {}).get("steps") or {})
    return lambda step: found.get(step) or Record()


def texts_of(
    source: Source, workflow: str, plan: Plan, records: inputs.Records, needed: Sequence[StepTask]
) -> dict[StepTask, str]:
    """`workflow`: its name. Raises TaskResultDoesNotExist where a task is gone, and as `result_text` does."""
    places: dict[StepTask, tuple[str, str]] = {}
    for task in needed:
        record = records(task.step)
        earlier = record.source(task.number)
        places[task] = workflow if earlier is None else earlier.workflow, source_name(plan, workflow, task, record)
    listed: dict[str, Resource] = {}
    if len(needed) > FEW:
        for origin in dict.fromkeys(origin for origin, _ in places.values()):
            listed |= {task["metadata"]["name"]: task for task in source.tasks.find(f"spec.workflow.name={origin}")}
    return {task: source.result_text(listed.get(name) or source.tasks.get(name)) for task, (_, name) in places.items()}


def arguments_text(source: Source, workflow: Resource, task: Resource) -> str:
    """The arguments of a task of the workflow, with the results that its pod reads in their places. Raises
    InvalidResource, and as `texts_of` does."""
    name, spec = task["metadata"]["name"], task["spec"]
    part, wanted = spec["workflow"], spec["inputs"]
    plan = Plan.of(workflow["spec"])
    records, at = records_in(workflow, plan), StepTask(part["step"], part.get("index") or 0)
    try:
        needed = inputs.needed(plan, wanted, records)
        item_source = inputs.item_source(plan, at) if inputs.takes_item(spec) else None
        texts = texts_of(source, workflow["metadata"]["name"], plan, records, [*needed, *filter(None, [item_source])])
        item = None if item_source is None else inputs.item(plan, at, texts[item_source])
        return inputs.filled(spec["payload"], inputs.values(plan, wanted, records, texts, item))
    except (InputError, ValueError) as error:
        raise InvalidResource(f"The arguments of task {name} cannot be read: {error}") from error
