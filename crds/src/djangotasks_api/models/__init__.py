"""The resources as pydantic models: the CRDs are generated from them, and the operator parses with them."""

from djangotasks_api.models.chunk import Chunk, ItemError, ItemsStatus
from djangotasks_api.models.condition import ReadyCondition
from djangotasks_api.models.hold import DjangoTaskHold, Held, HoldSpec
from djangotasks_api.models.overrides import Overrides, Resources
from djangotasks_api.models.pod_template_from import PodMetadata, PodTemplateFrom
from djangotasks_api.models.policy import Backoff, BoundedPolicy, Policy
from djangotasks_api.models.queue import Ceilings, DjangoTaskQueue, QueueSpec, RateLimit
from djangotasks_api.models.queue_status import QueueCondition, QueueStatus
from djangotasks_api.models.schedule import DjangoTaskSchedule, ScheduleSpec
from djangotasks_api.models.schedule_status import ScheduleCondition, ScheduleStatus, Skipped
from djangotasks_api.models.standby import Standby, StandbyStatus
from djangotasks_api.models.step_input import Input
from djangotasks_api.models.stored_text import StoredText
from djangotasks_api.models.task import DjangoTask, EnqueuedBy, PartOf, TaskSpec
from djangotasks_api.models.task_status import (
    Attempt,
    AttemptError,
    AttemptUsage,
    Condition,
    LogTail,
    Progress,
    TaskStatus,
)
from djangotasks_api.models.task_template import TaskTemplate
from djangotasks_api.models.workflow import (
    DjangoTaskWorkflow,
    ItemList,
    StepMap,
    WorkflowOutput,
    WorkflowPolicy,
    WorkflowSpec,
    WorkflowStep,
)
from djangotasks_api.models.workflow_status import StepStatus, WorkflowStatus

__all__ = [
    "Attempt",
    "AttemptError",
    "AttemptUsage",
    "Backoff",
    "BoundedPolicy",
    "Ceilings",
    "Chunk",
    "Condition",
    "DjangoTask",
    "DjangoTaskHold",
    "DjangoTaskQueue",
    "DjangoTaskSchedule",
    "DjangoTaskWorkflow",
    "EnqueuedBy",
    "Held",
    "HoldSpec",
    "Input",
    "ItemError",
    "ItemList",
    "ItemsStatus",
    "LogTail",
    "Overrides",
    "PartOf",
    "PodMetadata",
    "PodTemplateFrom",
    "Policy",
    "Progress",
    "QueueCondition",
    "QueueSpec",
    "QueueStatus",
    "RateLimit",
    "ReadyCondition",
    "Resources",
    "ScheduleCondition",
    "ScheduleSpec",
    "ScheduleStatus",
    "Skipped",
    "Standby",
    "StandbyStatus",
    "StepMap",
    "StepStatus",
    "StoredText",
    "TaskSpec",
    "TaskStatus",
    "TaskTemplate",
    "WorkflowOutput",
    "WorkflowPolicy",
    "WorkflowSpec",
    "WorkflowStatus",
    "WorkflowStep",
]
