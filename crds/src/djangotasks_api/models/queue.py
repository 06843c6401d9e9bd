"""DjangoTaskQueue: what the pods of a queue's tasks are made from, and how many run at once."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from djangotasks_api.models.base import DnsLabel, DnsName, Metadata, Model, ReasonWord, Timestamp
from djangotasks_api.models.overrides import Quantities
from djangotasks_api.models.policy import Policy
from djangotasks_api.names import DEFAULT_COMMAND, MESSAGE_MAX_CHARS, PRIORITY_MAX, PRIORITY_MIN


class PodTemplateFrom(Model):
    """Follow a Deployment: image, environment, volumes and service account are taken from it for each
    new attempt, so that a deploy of the web app is a deploy of its tasks."""

    deployment: DnsName
    """The Deployment's name, in the queue's namespace."""


class RateLimit(Model):
    """At most so many attempts are started in any period of so long."""

    starts: Annotated[int, Field(ge=1, le=100_000)]
    """How many."""

    period_seconds: Annotated[int, Field(ge=1, le=86_400)] = 1
    """In how many seconds."""


class Ceilings(Model):
    """The most that a task of this queue may ask for. One that asks for more is Failed, with the reason NotAllowed."""

    max_attempts: Annotated[int, Field(ge=1, le=100)] | None = None
    """Attempts in all."""

    timeout_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
    """Seconds that one attempt may run. It is also the timeout of tasks that have none."""

    heartbeat_timeout_seconds: Annotated[int, Field(ge=2, le=86_400)] | None = None
    """Seconds that a running attempt may show no progress."""

    grace_period_seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    """Seconds between SIGTERM and SIGKILL."""

    start_timeout_seconds: Annotated[int, Field(ge=1, le=604_800)] | None = None
    """Seconds that a pod may take to start."""

    ttl_seconds_after_finished: Annotated[int, Field(ge=0, le=315_360_000)] | None = None
    """Seconds that a finished task is kept."""

    priority: Annotated[int, Field(ge=PRIORITY_MIN, le=PRIORITY_MAX)] | None = None
    """The priority."""

    resources: Quantities | None = None
    """Requests and limits, such as memory: 4Gi. What is not named here has no ceiling."""


class QueueSpec(Model):
    """Owned by the administrator. Exactly one of template and podTemplateFrom."""

    template: dict[str, Any] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True}
    )
    """A pod template (metadata, spec) as in a Job: image, env, resources, service account, volumes."""

    pod_template_from: PodTemplateFrom | None = None
    """The Deployment whose pod template is used instead of one written here."""

    container: DnsLabel | None = None
    """The container of the template that runs the task. Default: the first."""

    command: Annotated[list[str], Field(min_length=1, max_length=64)] = list(DEFAULT_COMMAND)
    """The command that runs a task in the image. It replaces the container's command and args."""

    concurrency: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many tasks of this queue may run at once. Default: no limit."""

    policy: Policy | None = None
    """Defaults for this queue's tasks."""

    ceilings: Ceilings | None = None
    """The most that a task may ask for. Default: no limit."""

    allowed_overrides: Annotated[list[Literal["resources", "nodeSelector"]], Field(max_length=8)] = []
    """What tasks may change of the pod template. Default: nothing."""

    suspended: bool = False
    """True to start nothing: what runs goes on, what is enqueued waits."""

    rate_limit: RateLimit | None = None
    """How many attempts are started in a time. Default: no limit."""

    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """The queue's share of what the operator starts, beside the other queues' weights."""

    ageing_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = 600
    """How many seconds of waiting are worth one point of priority, so that nothing waits for ever. 0 turns it off."""

    priority_class_name: DnsName | None = None
    """The PriorityClass of the pods. Default: the template's."""

    keep_log: Literal["Never", "OnFailure", "Always"] = "OnFailure"
    """Whose attempts' last lines of log are kept with the task, for when the pod is gone."""

    successful_tasks_history_limit: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """How many Succeeded tasks are kept at most, the latest; others are deleted before their time is over."""

    failed_tasks_history_limit: Annotated[int, Field(ge=0, le=1_000_000)] = 10_000
    """The same for Failed and Cancelled ones."""

    @model_validator(mode="after")
    def one_source(self) -> Self:
        if (self.template is None) == (self.pod_template_from is None):
            raise ValueError("set exactly one of template and podTemplateFrom")
        return self


class QueueCondition(Model):
    """Ready, for kubectl wait."""

    type: Literal["Ready"]
    """Ready when tasks of the queue can be started."""

    status: Literal["True", "False", "Unknown"]
    """False while something in its spec, or that its spec names, is wrong."""

    reason: ReasonWord
    """Ready, Suspended, or what is wrong, such as DeploymentNotFound or InvalidTemplate."""

    message: Annotated[str, StringConstraints(max_length=MESSAGE_MAX_CHARS)] = ""
    """The same as a sentence."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the spec that it is about."""

    last_transition_time: Timestamp
    """When its status changed last."""


class QueueStatus(Model):
    """What goes on in the queue. Written by the operator, now and then: the tasks themselves are the truth."""

    queued: Annotated[int, Field(ge=0)] = 0
    """Tasks that wait: for their time, for a place, for their next attempt."""

    running: Annotated[int, Field(ge=0)] = 0
    """Tasks that have a pod, or are about to."""

    oldest_queued_at: Timestamp | None = None
    """When the task that has been ready to start for the longest time became so."""

    last_error: Annotated[str, StringConstraints(max_length=MESSAGE_MAX_CHARS)] | None = None
    """What last kept a task of the queue from starting."""

    last_error_at: Timestamp | None = None
    """When that was."""

    conditions: Annotated[list[QueueCondition], Field(max_length=8)] = Field(
        default=[], json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    )
    """Ready."""


class DjangoTaskQueue(Model):
    """How the tasks of one queue run: the pod they run in, and how many at once."""

    metadata: Metadata
    spec: QueueSpec
    status: QueueStatus = QueueStatus()
