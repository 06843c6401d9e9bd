"""The results of a workflow's tasks as JSON texts: of its own, and of those of workflows that it retries."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from django.tasks.exceptions import TaskResultDoesNotExist

from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import InvalidResource
from djangotasks_api.workflow import inputs
from djangotasks_api.workflow.engine import StepTask
from djangotasks_api.workflow.inputs import InputError, StepItem
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
    source: Source, workflow: str, plan: Plan, records: inputs.Records, needed: Sequence[StepItem]
) -> dict[StepItem, str]:
    """`workflow`: its name. Raises TaskResultDoesNotExist where a task is gone, and as `result_text` does."""
    places: dict[tuple[str, str], list[StepItem]] = {}
    for item in needed:
        record = records(item.step)
        earlier = record.source(item.number)
        origin = workflow if earlier is None else earlier.workflow
        places.setdefault((origin, source_name(plan, workflow, item, record)), []).append(item)
    listed: dict[str, Resource] = {}
    if len(places) > FEW:
        for origin in dict.fromkeys(origin for origin, _ in places):
            listed |= {task["metadata"]["name"]: task for task in source.tasks.find(f"spec.workflow.name={origin}")}
    found: dict[StepItem, str] = {}
    for (_, name), items in places.items():
        text = source.result_text(listed.get(name) or source.tasks.get(name))
        known = inputs.results_in(plan, inputs.task_of(plan, items[0]), text)
        found |= {item: known[item] for item in items if item in known}
    return found


def output_text(source: Source, workflow: Resource) -> str:
    """The result of a workflow that succeeded, as JSON text. Raises InvalidResource where a part of it is not there,
    and StorageFailed."""
    name, plan = workflow["metadata"]["name"], Plan.of(workflow["spec"])
    records, wanted = records_in(workflow, plan), plan.output.get("inputs") or ()
    try:
        texts = texts_of(source, name, plan, records, inputs.needed(plan, wanted, records))
        return inputs.filled(plan.output.get("value") or "null", inputs.values(plan, wanted, records, texts))
    except InputError as error:
        raise InvalidResource(f"The result of workflow {name} cannot be had: {error}") from error
    except TaskResultDoesNotExist as error:
        raise InvalidResource(f"The result of workflow {name} cannot be had: its task {error} was deleted.") from error


def arguments_text(source: Source, workflow: Resource, task: Resource) -> str:
    """The arguments of a task of the workflow, with the results that its pod reads in their places. Raises
    InvalidResource, and as `texts_of` does."""
    name, spec = task["metadata"]["name"], task["spec"]
    part, wanted = spec["workflow"], spec["inputs"]
    plan = Plan.of(workflow["spec"])
    records, at = records_in(workflow, plan), StepTask(part["step"], part.get("index") or 0)
    try:
        needed = inputs.needed(plan, wanted, records)
        takes_item = inputs.takes_item(spec)
        sources = inputs.item_sources(plan, at, records) if takes_item else []
        texts = texts_of(source, workflow["metadata"]["name"], plan, records, [*needed, *sources])
        item = inputs.item(plan, at, texts, records) if takes_item else None
        return inputs.filled(spec["payload"], inputs.values(plan, wanted, records, texts, item))
    except (InputError, KeyError, ValueError) as error:
        raise InvalidResource(f"The arguments of task {name} cannot be read: {error}") from error
