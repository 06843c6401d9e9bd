"""The resources as pydantic models: what the CRDs are generated from and what the operator parses."""

from djangotasks_api.models.overrides import Overrides, Resources
from djangotasks_api.models.policy import Backoff, Policy
from djangotasks_api.models.queue import (
    Ceilings,
    DjangoTaskQueue,
    PodTemplateFrom,
    QueueCondition,
    QueueSpec,
    QueueStatus,
    RateLimit,
)
from djangotasks_api.models.task import (
    Attempt,
    AttemptError,
    Condition,
    DjangoTask,
    LogTail,
    Progress,
    StoredText,
    TaskSpec,
    TaskStatus,
)

__all__ = [
    "Attempt",
    "AttemptError",
    "Backoff",
    "Ceilings",
    "Condition",
    "DjangoTask",
    "DjangoTaskQueue",
    "LogTail",
    "Overrides",
    "PodTemplateFrom",
    "Policy",
    "Progress",
    "QueueCondition",
    "QueueSpec",
    "QueueStatus",
    "RateLimit",
    "Resources",
    "StoredText",
    "TaskSpec",
    "TaskStatus",
]
