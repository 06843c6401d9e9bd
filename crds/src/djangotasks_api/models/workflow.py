"""DjangoTaskWorkflow: a graph of steps, each of which is a task or a map of tasks."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from djangotasks_api.bounds import (
    BACKEND_ALIAS_MAX_CHARS,
    CANCEL_REASON_MAX_CHARS,
    CHUNK,
    IDEMPOTENCY_KEY_MAX_CHARS,
    PRIORITY,
    TASK_NAME_MAX_CHARS,
    TASK_PATH_MAX_CHARS,
    TIMEOUT_SECONDS,
    TTL_SECONDS,
    WORKFLOW_NAME_MAX_CHARS,
)
from djangotasks_api.models.base import DnsLabel, Metadata, Model, ScheduleName, Timestamp, within
from djangotasks_api.models.overrides import Overrides
from djangotasks_api.models.policy import Policy
from djangotasks_api.models.step_input import Input, StepName
from djangotasks_api.models.task import EnqueuedBy
from djangotasks_api.models.workflow_status import WorkflowStatus
from djangotasks_api.names import DNS_LABEL_PATTERN, DOTTED_PATH_PATTERN
from djangotasks_api.workflow.bounds import (
    LIST_MAX_CHARS,
    LISTS_MAX,
    MAX_FAILED_INDEXES,
    MAX_PARALLEL,
    NESTING,
    STEP_INPUTS_MAX,
    STEP_PAYLOAD_MAX_BYTES,
    STEPS_MAX,
)
from djangotasks_api.workflow.graph import KeepTasks, Runs

TaskPath = Annotated[str, StringConstraints(pattern=DOTTED_PATH_PATTERN, max_length=TASK_PATH_MAX_CHARS)]
# Of lists whose items have a name: a server-side apply merges them by it, and no two may have the same.
MAP_BY_NAME = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


def _fits(payload: str) -> str:
    """Refuse a payload by its bytes: the schema's maxLength counts characters."""
    if len(payload.encode("utf-8", "surrogatepass")) > STEP_PAYLOAD_MAX_BYTES:
        raise ValueError(f"must have at most {STEP_PAYLOAD_MAX_BYTES} bytes")
    return payload


StepPayload = Annotated[str, StringConstraints(max_length=STEP_PAYLOAD_MAX_BYTES), AfterValidator(_fits)]


class StepMap(Model):
    """What a step maps over: it has one task for each item. Exactly one of list, over and each."""

    list: StepName | None = None
    """A list of the workflow."""

    over: StepName | None = None
    """A step whose result is a list."""

    each: StepName | None = None
    """Another map, which it follows item by item: each task begins when that of the same item has succeeded."""

    chunk: Annotated[int, within(CHUNK)] | None = None
    """How many items one task calls the function for, one after the other. They go into /each of the payload, as a
    list. Where it follows another map, that has chunks of the same size. Default: each item has a task of its own."""

    @model_validator(mode="after")
    def one_source(self) -> Self:
        if sum(source is not None for source in (self.list, self.over, self.each)) != 1:
            raise ValueError("set exactly one of list, over and each")
        return self


class WorkflowStep(Model):
    """One task, or a map of tasks."""

    name: StepName
    """Its name, unique in the workflow."""

    task: TaskPath
    """The dotted path of the Django task, such as shop.tasks.extract."""

    payload: StepPayload = '{"args":[],"kwargs":{}}'
    """The arguments as JSON text: {"args": [...], "kwargs": {...}}, with null where an input goes."""

    inputs: Annotated[list[Input], Field(max_length=STEP_INPUTS_MAX)] = []
    """What goes into the arguments. The step runs after the steps that it comes from."""

    map: StepMap | None = None
    """What it maps over. Default: it is one task."""

    after: Annotated[list[StepName], Field(max_length=STEPS_MAX)] = []
    """Steps that must be over before it begins, and whose results it does not take."""

    runs: Runs = Runs.ON_SUCCESS
    """When it runs: OnSuccess, where all that it needs succeeded; OnFailure, where something of it failed; Always. A
    map over results runs OnSuccess."""

    allow_failure: bool = False
    """True where the workflow goes on as if it had succeeded, with the result null, when it fails."""

    max_parallel: Annotated[int, within(MAX_PARALLEL)] | None = None
    """How many tasks of a map may be unfinished at once. Default: as many as the workflow may have."""

    max_failed_indexes: Annotated[int, within(MAX_FAILED_INDEXES)] = 0
    """How many tasks of a map may fail before the step has failed."""

    fail_fast: bool = False
    """True to create no more tasks of a map once too many have failed."""

    keep_tasks: KeepTasks = KeepTasks.ALWAYS
    """How long its tasks are kept: Always, as long as the workflow; OnFailure, where they failed; Never. Others are
    deleted once they are recorded and no step takes their results any more, so that they do not fill the cluster."""

    queue: DnsLabel | None = None
    """The DjangoTaskQueue of its tasks. Default: the workflow's."""

    priority: Annotated[int, within(PRIORITY)] | None = None
    """The priority of its tasks. Default: the workflow's."""

    policy: Policy | None = None
    """Attempts and timeouts of its tasks. Unset fields take the queue's values."""

    overrides: Overrides | None = None
    """What differs from the queue's pod template, where the queue allows it."""


class ItemList(Model):
    """A list that steps map over, and that is known from the start."""

    name: StepName
    """Its name, unique among the lists of the workflow."""

    items: Annotated[str, StringConstraints(max_length=LIST_MAX_CHARS)]
    """The list as JSON text."""


class WorkflowOutput(Model):
    """The result of the workflow."""

    value: Annotated[str, StringConstraints(max_length=STEP_PAYLOAD_MAX_BYTES)] = "null"
    """The value as JSON text, with null where an input goes."""

    inputs: Annotated[list[Input], Field(max_length=STEP_INPUTS_MAX)] = []
    """What goes into the value."""


class WorkflowPolicy(Model):
    """How long a workflow may run, and how long it is kept."""

    timeout_seconds: Annotated[int, within(TIMEOUT_SECONDS)] | None = None
    """How long the whole may take, in seconds from its start, waiting for slots included. Default: no limit."""

    ttl_seconds_after_finished: Annotated[int, within(TTL_SECONDS)] | None = None
    """How long the finished workflow is kept, with all its tasks, in seconds. Default: 86400."""


class RetryOf(Model):
    """The workflow that another one retries."""

    name: Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=WORKFLOW_NAME_MAX_CHARS)]
    """The name of its DjangoTaskWorkflow."""

    uid: DnsLabel
    """The uid of its DjangoTaskWorkflow, which tells it from a later one of the same name."""


class WorkflowTemplate(Model):
    """The steps, and how they run: the part that a workflow has in common with the schedule that makes it."""

    workflow: Annotated[str, StringConstraints(max_length=TASK_PATH_MAX_CHARS)] = ""
    """The dotted path of the function that made it, for people."""

    backend: Annotated[str, StringConstraints(min_length=1, max_length=BACKEND_ALIAS_MAX_CHARS)] = "default"
    """The backend's alias in Django's TASKS setting."""

    queue: DnsLabel = "default"
    """The DjangoTaskQueue of steps that name none."""

    priority: Annotated[int, within(PRIORITY)] = 0
    """The priority of steps that set none."""

    max_parallel: Annotated[int, within(MAX_PARALLEL)] | None = None
    """How many of its tasks may be unfinished at once, and never more than 200. Default: 200."""

    policy: WorkflowPolicy | None = None
    """Timeout and TTL of the whole."""

    output: WorkflowOutput | None = None
    """What the result of the workflow is made of. Default: it has none."""

    lists: Annotated[list[ItemList], Field(max_length=LISTS_MAX, json_schema_extra=MAP_BY_NAME)] = []
    """What its steps map over, where that is known from the start."""

    steps: Annotated[list[WorkflowStep], Field(min_length=1, max_length=STEPS_MAX, json_schema_extra=MAP_BY_NAME)]
    """The steps, in an order in which each needs only those before it."""


class ReturnedBy(Model):
    """The task whose function has returned a workflow, instead of a value."""

    name: Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=TASK_NAME_MAX_CHARS)]
    """The name of its DjangoTask."""

    uid: DnsLabel
    """The uid of its DjangoTask."""

    depth: Annotated[int, within(NESTING)]
    """How deep it is in others that tasks have returned: 1 for the first."""


class WorkflowSpec(WorkflowTemplate):
    """What to run. Immutable, but for `cancel`, `cancelReason` and `suspended`."""

    enqueued_at: Timestamp | None = None
    """When enqueue() was called. Default: when the resource was created."""

    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=IDEMPOTENCY_KEY_MAX_CHARS)] | None = None
    """The key that the resource's name was made of, so that the same key makes no second workflow."""

    enqueued_by: EnqueuedBy | None = None
    """The task whose pod has enqueued it, and with it all its tasks. Set by the operator alone."""

    returned_by: ReturnedBy | None = None
    """The task that has returned it, and whose result its result is. Set by the operator alone."""

    cancel: bool = False
    """Set to true to cancel it: what runs is stopped, and steps that run always are run. Cannot be undone."""

    cancel_reason: Annotated[str, StringConstraints(max_length=CANCEL_REASON_MAX_CHARS)] | None = None
    """Who or what asked to cancel it, and why. Given together with cancel."""

    suspended: bool = False
    """True to create no more tasks: those that exist go on."""

    retry_of: RetryOf | None = None
    """The workflow that failed, and that this one retries: what succeeded there is taken over, and does not run again.
    It is kept as long as this one."""

    schedule: ScheduleName | None = None
    """The DjangoTaskSchedule that it was created by, or for."""

    scheduled_for: Timestamp | None = None
    """The time of that schedule that it was created for, also when it was created late."""


class DjangoTaskWorkflow(Model):
    """A graph of Django tasks: enqueued as a whole by the web app, run step by step by the operator."""

    metadata: Metadata
    spec: WorkflowSpec
    status: WorkflowStatus = WorkflowStatus()
