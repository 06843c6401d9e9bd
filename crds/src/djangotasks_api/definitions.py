"""The CustomResourceDefinitions: columns, selectable fields, and the rules in CEL that a schema cannot express."""

from djangotasks_api.bounds import (
    PAYLOAD_MAX_BYTES,
    SCHEDULE_NAME_MAX_CHARS,
    TASK_NAME_MAX_CHARS,
    WORKFLOW_NAME_MAX_CHARS,
    WORKFLOW_SCHEDULE_NAME_MAX_CHARS,
)
from djangotasks_api.crd import Column, Definition, Rule
from djangotasks_api.models import (
    DjangoTask,
    DjangoTaskSchedule,
    DjangoTaskWorkflow,
    TaskSpec,
    WorkflowSpec,
)
from djangotasks_api.names import (
    DNS_LABEL_PATTERN,
    SCHEDULE_KIND,
    SCHEDULE_PLURAL,
    TASK_KIND,
    TASK_PLURAL,
    WORKFLOW_KIND,
    WORKFLOW_PLURAL,
)
from djangotasks_api.phases import TERMINAL_PHASES, Phase
from djangotasks_api.queue_definitions import hold_definition, queue_definition
from djangotasks_api.workflow.bounds import STEP_PAYLOAD_MAX_BYTES
from djangotasks_api.workflow.records import WorkflowPhase

NAME_MAX = TASK_NAME_MAX_CHARS
TERMINAL = "[" + ", ".join(f"'{phase}'" for phase in Phase if phase in TERMINAL_PHASES) + "]"


def _unchanged(field: str) -> str:
    """A CEL expression: the field is as before, or absent as before."""
    return f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"


def _payload_fits(template: str, unless: str = "") -> Rule:
    """The payload of a task, or of the template of one, is bounded by its bytes."""
    return Rule(
        f"{unless}!has({template}.payload) || size(bytes({template}.payload)) <= {PAYLOAD_MAX_BYTES}",
        f"the payload must have at most {PAYLOAD_MAX_BYTES} bytes: it travels in one environment variable",
    )


def _step_rules(steps: str) -> tuple[Rule, ...]:
    """What holds for each step of a workflow, or of the template of one."""
    return (
        Rule(
            f"{steps}.all(step, !has(step.map) || "
            "[has(step.map.list), has(step.map.over), has(step.map.each)].filter(given, given).size() == 1)",
            "map: set exactly one of list, over and each",
        ),
        Rule(
            f"{steps}.all(step, !has(step.payload) || size(bytes(step.payload)) <= {STEP_PAYLOAD_MAX_BYTES})",
            f"the payload of a step must have at most {STEP_PAYLOAD_MAX_BYTES} bytes",
        ),
    )


def task_definition() -> Definition:
    """The CRD of DjangoTask, with rules that compare its old and its new state."""
    frozen = [field.alias for name, field in TaskSpec.model_fields.items() if name not in ("cancel", "cancel_reason")]
    return Definition(
        kind=TASK_KIND,
        plural=TASK_PLURAL,
        short_name="dt",
        model=DjangoTask,
        columns=(
            Column("Task", "string", ".spec.task"),
            Column("Queue", "string", ".spec.queue"),
            Column("Phase", "string", ".status.phase"),
            Column("Progress", "string", ".status.progress.text"),
            Column("Attempts", "integer", ".status.attempts[-1:].number"),
            Column("Reason", "string", ".status.reason", priority=1),
            Column("Pod", "string", ".status.attempts[-1:].pod", priority=1),
            Column("Started", "date", ".status.startedAt", priority=1),
            Column("Finished", "date", ".status.finishedAt", priority=1),
            Column("Enqueued-By", "string", ".spec.enqueuedBy.name", priority=1),
            Column("Retry-Of", "string", ".spec.retryOf", priority=1),
            Column("Schedule", "string", ".spec.schedule", priority=1),
            Column("Workflow", "string", ".spec.workflow.name", priority=1),
            Column("Step", "string", ".spec.workflow.step", priority=1),
            Column("Index", "integer", ".spec.workflow.index", priority=1),
            Column("Exception", "string", ".status.attempts[-1:].error.type", priority=1),
            # As text, for programs that read the table: of a date the API server sends the age alone.
            Column("Enqueued-At", "string", ".spec.enqueuedAt", priority=1),
            Column("Started-At", "string", ".status.startedAt", priority=1),
            Column("Finished-At", "string", ".status.finishedAt", priority=1),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        selectable_fields=(
            ".status.phase",
            ".status.reason",
            ".spec.queue",
            ".spec.task",
            ".spec.enqueuedBy.uid",
            ".spec.workflow.name",
        ),
        rules=(
            Rule(
                f"self.metadata.name.matches('{DNS_LABEL_PATTERN}') && size(self.metadata.name) <= {NAME_MAX}",
                f"the name must be a DNS label of at most {NAME_MAX} characters, because Jobs are named after it",
            ),
            Rule(
                f"!(has(oldSelf.status) && oldSelf.status.phase in {TERMINAL}) || "
                "(has(self.status) && self.status.phase == oldSelf.status.phase)",
                "a task that is Succeeded, Failed or Cancelled stays so; enqueue it again instead",
            ),
        ),
        spec_rules=(
            *(
                Rule(_unchanged(field), f"{field} cannot be changed; enqueue a new task instead")
                for field in frozen
                if field is not None
            ),
            _payload_fits("self"),
            Rule("self.cancel || !oldSelf.cancel", "a cancelled task stays cancelled; enqueue a new task instead"),
            Rule(
                f"({_unchanged('cancelReason')}) || (self.cancel && !oldSelf.cancel)",
                "cancelReason is given together with cancel, and stays",
            ),
        ),
        # The server applies defaults when it reads, so a new task shows as Queued without a write.
        status_default={"phase": Phase.QUEUED.value},
    )


def schedule_definition() -> Definition:
    """The CRD of DjangoTaskSchedule. NEXT is text: kubectl shows a date as its age, and one to come as <invalid>."""
    return Definition(
        kind=SCHEDULE_KIND,
        plural=SCHEDULE_PLURAL,
        short_name="dts",
        model=DjangoTaskSchedule,
        columns=(
            Column("Schedule", "string", ".spec.cron[0]"),
            Column("Zone", "string", ".spec.timeZone"),
            Column("Suspended", "boolean", ".spec.suspended"),
            Column("Active", "integer", ".status.active"),
            Column("Last", "date", ".status.lastScheduledFor"),
            Column("Next", "string", ".status.nextScheduledFor"),
            Column("Task", "string", ".spec.task.task", priority=1),
            Column("Workflow", "string", ".spec.workflow.workflow", priority=1),
            Column("Queue", "string", ".spec.task.queue", priority=1),
            Column("Every", "integer", ".spec.everyMinutes", priority=1),
            Column("Policy", "string", ".spec.concurrencyPolicy", priority=1),
            Column("Last-Task", "string", ".status.lastTask", priority=1),
            Column("Skipped", "integer", ".status.skipped.count", priority=1),
            Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status", priority=1),
            Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason", priority=1),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        selectable_fields=(".spec.task.queue", ".spec.task.task"),
        rules=(
            Rule(
                f"self.metadata.name.matches('{DNS_LABEL_PATTERN}') && "
                f"size(self.metadata.name) <= {SCHEDULE_NAME_MAX_CHARS}",
                f"the name must be a DNS label of at most {SCHEDULE_NAME_MAX_CHARS} characters, because tasks are "
                "named after it",
            ),
            Rule(
                f"!has(self.spec.workflow) || size(self.metadata.name) <= {WORKFLOW_SCHEDULE_NAME_MAX_CHARS}",
                f"the name of a schedule of workflows may have {WORKFLOW_SCHEDULE_NAME_MAX_CHARS} characters, because "
                "workflows and their tasks are named after it",
            ),
        ),
        spec_rules=(
            Rule("has(self.cron) != has(self.everyMinutes)", "set exactly one of cron and everyMinutes"),
            Rule("!has(self.startAt) || !has(self.endAt) || self.startAt < self.endAt", "startAt must be before endAt"),
            Rule("has(self.task) != has(self.workflow)", "set exactly one of task and workflow"),
            _payload_fits("self.task", "!has(self.task) || "),
            *(
                Rule(f"!has(self.workflow) || {rule.expression}", rule.message)
                for rule in _step_rules("self.workflow.steps")
            ),
        ),
    )


def workflow_definition() -> Definition:
    """The CRD of DjangoTaskWorkflow. That a step needs only those before it is not checked here: it would cost more
    than the API server allows."""
    changing = ("cancel", "cancel_reason", "suspended")
    frozen = [field.alias for name, field in WorkflowSpec.model_fields.items() if name not in changing]
    return Definition(
        kind=WORKFLOW_KIND,
        plural=WORKFLOW_PLURAL,
        short_name="dtw",
        model=DjangoTaskWorkflow,
        columns=(
            Column("Workflow", "string", ".spec.workflow"),
            Column("Phase", "string", ".status.phase"),
            Column("Progress", "string", ".status.progress"),
            Column("Active", "integer", ".status.active"),
            Column("Queue", "string", ".spec.queue", priority=1),
            Column("Reason", "string", ".status.reason", priority=1),
            Column("Started", "date", ".status.startedAt", priority=1),
            Column("Finished", "date", ".status.finishedAt", priority=1),
            Column("Retry-Of", "string", ".spec.retryOf.name", priority=1),
            Column("Schedule", "string", ".spec.schedule", priority=1),
            Column("Enqueued-By", "string", ".spec.enqueuedBy.name", priority=1),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        selectable_fields=(".status.phase", ".spec.queue", ".spec.workflow", ".spec.enqueuedBy.uid"),
        rules=(
            Rule(
                f"self.metadata.name.matches('{DNS_LABEL_PATTERN}') && "
                f"size(self.metadata.name) <= {WORKFLOW_NAME_MAX_CHARS}",
                f"the name must be a DNS label of at most {WORKFLOW_NAME_MAX_CHARS} characters, because tasks are "
                "named after it",
            ),
            Rule(
                f"!(has(oldSelf.status) && oldSelf.status.phase in {TERMINAL}) || "
                "(has(self.status) && self.status.phase == oldSelf.status.phase)",
                "a workflow that is Succeeded, Failed or Cancelled stays so; enqueue it again instead",
            ),
        ),
        spec_rules=(
            *(
                Rule(_unchanged(field), f"{field} cannot be changed; enqueue a new workflow instead")
                for field in frozen
                if field is not None
            ),
            *_step_rules("self.steps"),
            Rule("self.cancel || !oldSelf.cancel", "a cancelled workflow stays cancelled; enqueue a new one instead"),
            Rule(
                f"({_unchanged('cancelReason')}) || (self.cancel && !oldSelf.cancel)",
                "cancelReason is given together with cancel, and stays",
            ),
        ),
        status_default={"phase": WorkflowPhase.PENDING.value},
    )


def definitions() -> tuple[Definition, ...]:
    """All CRDs."""
    return (
        task_definition(),
        queue_definition(),
        schedule_definition(),
        workflow_definition(),
        hold_definition(),
    )
