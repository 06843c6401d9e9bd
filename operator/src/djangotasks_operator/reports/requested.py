"""The kinds that task pods may ask for: what is the same for both is in the other modules."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from djangotasks_api.bounds import TASK_REQUEST_MAX_BYTES
from djangotasks_api.workflow.bounds import WORKFLOW_REQUEST_MAX_BYTES
from djangotasks_operator.cache.kinds import TASKS, WORKFLOWS
from djangotasks_operator.cache.parsing import parse_task
from djangotasks_operator.cache.store import Store
from djangotasks_operator.reports import task_rules
from djangotasks_operator.reports.authentication import AttemptRef
from djangotasks_operator.runtime.resources import Object, Resource
from djangotasks_operator.workflows.views import parse_workflow


class Requested(NamedTuple):
    """One kind."""

    word: str
    resource: Resource
    path: str
    """Below the attempt's path."""
    enqueue: str
    """The kind of request that makes one, for its limits and its metric."""
    max_bytes: int
    """Of the body of that request."""
    new: Callable[[Any, AttemptRef], Object]
    """Makes the resource to create of the body. Raises Refused."""
    queues: Callable[[Object], set[str]]
    """The queues that it needs. Raises Refused."""
    retried: Callable[[Object], str | None]
    """What it takes results of, which the pod must be allowed to see. Raises Refused."""
    put: Callable[[Store, Object], None]
    """Caches what was created: the leader need not wait for the watch."""


TASK: Final = Requested(
    word="Task",
    resource=TASKS,
    path="tasks",
    enqueue="enqueue",
    max_bytes=TASK_REQUEST_MAX_BYTES,
    new=task_rules.new_task,
    queues=task_rules.task_queues,
    retried=lambda new: None,
    put=lambda store, body: store.put_task(*parse_task(body)),
)
WORKFLOW: Final = Requested(
    word="Workflow",
    resource=WORKFLOWS,
    path="workflows",
    enqueue="enqueue-workflow",
    max_bytes=WORKFLOW_REQUEST_MAX_BYTES,
    new=task_rules.new_workflow,
    queues=task_rules.workflow_queues,
    retried=task_rules.retried_workflow,
    put=lambda store, body: store.workflows.put(parse_workflow(body)),
)
