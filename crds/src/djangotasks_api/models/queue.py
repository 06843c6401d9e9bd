"""DjangoTaskQueue: the pod that a queue's tasks run in, and how many run at once."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from djangotasks_api.bounds import (
    AGEING_SECONDS,
    ALLOWED_OVERRIDES_MAX,
    COMMAND_WORDS_MAX,
    CONCURRENCY,
    HISTORY_LIMIT,
    PRIORITY,
    RATE_LIMIT_PERIOD_SECONDS,
    RATE_LIMIT_STARTS,
    TTL_SECONDS,
    WEIGHT,
)
from djangotasks_api.models.base import DnsLabel, DnsName, Metadata, Model, within
from djangotasks_api.models.overrides import Quantities
from djangotasks_api.models.pod_template_from import PodTemplateFrom
from djangotasks_api.models.policy import BoundedPolicy, Policy
from djangotasks_api.models.queue_status import QueueStatus
from djangotasks_api.models.standby import Standby
from djangotasks_api.names import DEFAULT_COMMAND


class RateLimit(Model):
    """The most attempts that are started in any period of a given length."""

    starts: Annotated[int, within(RATE_LIMIT_STARTS)]
    """How many."""

    period_seconds: Annotated[int, within(RATE_LIMIT_PERIOD_SECONDS)] = 1
    """In how many seconds."""


class Ceilings(BoundedPolicy):
    """The most that a task of this queue may ask for. One that asks for more is Failed, with the reason NotAllowed."""

    priority: Annotated[int, within(PRIORITY)] | None = None
    """The priority."""

    resources: Quantities | None = None
    """Requests and limits, such as memory: 4Gi. Resources not named here have no ceiling."""


class QueueSpec(Model):
    """Owned by the administrator. Exactly one of template and podTemplateFrom."""

    template: dict[str, Any] | None = Field(
        default=None, json_schema_extra={"x-kubernetes-preserve-unknown-fields": True}
    )
    """A pod template (metadata, spec) as in a Job: image, env, resources, service account, volumes."""

    pod_template_from: PodTemplateFrom | None = None
    """The Deployment whose pod template is used instead of one written here."""

    container: DnsLabel | None = None
    """The container of the template that runs the task. Default: the one that the template's annotation
    kubectl.kubernetes.io/default-container names, else the first."""

    command: Annotated[list[str], Field(min_length=1, max_length=COMMAND_WORDS_MAX)] = list(DEFAULT_COMMAND)
    """The command that runs a task in the image. It replaces the container's command and args."""

    security_defaults: Literal["Restricted", "None"] | None = None
    """Restricted fills in the restricted Pod Security Standard where the pod template is silent, None adds nothing.
    Default: Restricted for a template written here, None for that of a Deployment, whose own pods run without."""

    concurrency: Annotated[int, within(CONCURRENCY)] | None = None
    """How many tasks of this queue may run at once. Default: no limit."""

    policy: Policy | None = None
    """Defaults for this queue's tasks."""

    ceilings: Ceilings | None = None
    """The most that a task may ask for. Default: no limit."""

    allowed_overrides: Annotated[
        list[Literal["resources", "nodeSelector"]], Field(max_length=ALLOWED_OVERRIDES_MAX)
    ] = []
    """What tasks may change of the pod template. Default: nothing."""

    task_access: Literal["Own", "Namespace", "None"] = "Own"
    """What a task of this queue may do from its pod, without credentials for the cluster: enqueue tasks, and see and
    cancel those that it has enqueued (Own) or all of the namespace (Namespace); or nothing (None)."""

    returned_workflows: Literal["Refused", "Allowed"] = "Refused"
    """Whether a task of this queue may return a workflow, whose result is then the task's own. The task holds no place
    of the queue meanwhile. It needs the access to enqueue workflows, too."""

    suspended: bool = False
    """True to start nothing: running attempts go on, enqueued tasks wait."""

    rate_limit: RateLimit | None = None
    """How many attempts are started in a time. Default: no limit."""

    standby: Standby | None = None
    """Pods that wait for a task, with Django set up. Default: none; each task starts a pod of its own."""

    weight: Annotated[int, within(WEIGHT)] = 1
    """The queue's share of the starts of its namespace, relative to the weights of the other queues there."""

    ageing_seconds: Annotated[int, within(AGEING_SECONDS)] = 600
    """How many seconds of waiting are worth one point of priority, so that no task waits for ever. 0 turns it off."""

    priority_class_name: DnsName | None = None
    """The PriorityClass of the pods. Default: the template's."""

    keep_log: Literal["Never", "OnFailure", "Always"] = "OnFailure"
    """Which attempts have the end of their log kept with the task, for when the pod is gone."""

    pod_ttl_seconds_after_finished: Annotated[int, within(TTL_SECONDS)] | None = None
    """Seconds that the Job and the Pod of an ended attempt are kept, with its log, for attempts that start from now on.
    Results stay. Default: as long as the task."""

    successful_tasks_history_limit: Annotated[int, within(HISTORY_LIMIT)] = 10_000
    """How many Succeeded tasks are kept at most, the latest; others are deleted before their TTL."""

    failed_tasks_history_limit: Annotated[int, within(HISTORY_LIMIT)] = 10_000
    """The same for Failed and Cancelled ones."""

    @model_validator(mode="after")
    def one_source(self) -> Self:
        if (self.template is None) == (self.pod_template_from is None):
            raise ValueError("set exactly one of template and podTemplateFrom")
        return self


class DjangoTaskQueue(Model):
    """How the tasks of one queue run: the pod they run in, and how many at once."""

    metadata: Metadata
    spec: QueueSpec
    status: QueueStatus = QueueStatus()
