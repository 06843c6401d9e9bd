"""The resources as pydantic models: what the CRDs are generated from and what the operator parses."""

from djangotasks_api.models.overrides import Overrides, Resources
from djangotasks_api.models.policy import Backoff, Policy
from djangotasks_api.models.queue import Ceilings, DjangoTaskQueue, PodTemplateFrom, QueueSpec, RateLimit
from djangotasks_api.models.task import Attempt, AttemptError, Condition, DjangoTask, TaskSpec, TaskStatus

__all__ = [
    "Attempt",
    "AttemptError",
    "Backoff",
    "Ceilings",
    "Condition",
    "DjangoTask",
    "DjangoTaskQueue",
    "Overrides",
    "PodTemplateFrom",
    "Policy",
    "QueueSpec",
    "RateLimit",
    "Resources",
    "TaskSpec",
    "TaskStatus",
]
