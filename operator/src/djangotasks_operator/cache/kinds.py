"""The kinds that the operator caches, and how their objects get into the store and out of it."""

from collections.abc import Callable
from functools import partial

from djangotasks_api.models import DjangoTaskQueue
from djangotasks_api.names import (
    API_VERSION,
    HOLD_PLURAL,
    QUEUE_PLURAL,
    SCHEDULE_PLURAL,
    STANDBY_LABEL,
    TASK_PLURAL,
    TASK_UID_LABEL,
    WORKFLOW_PLURAL,
)
from djangotasks_operator.cache.holds import parse_hold
from djangotasks_operator.cache.keys import Key
from djangotasks_operator.cache.latest import Keyed, Latest
from djangotasks_operator.cache.parsing import ParsedTask, parse_queue, parse_task
from djangotasks_operator.cache.schedules import parse_schedule
from djangotasks_operator.cache.store import Store
from djangotasks_operator.pods.parsing import attempt_of, parse_job, parse_pod
from djangotasks_operator.pods.standby import StandbyPod, parse_standby
from djangotasks_operator.pods.views import Body, Job, Pod
from djangotasks_operator.runtime.reflector import Kind
from djangotasks_operator.runtime.resources import JOBS, PODS, Resource
from djangotasks_operator.runtime.versions import Versioned
from djangotasks_operator.workflows.views import Workflow, parse_workflow

TASKS = Resource(f"/apis/{API_VERSION}", TASK_PLURAL)
QUEUES = Resource(f"/apis/{API_VERSION}", QUEUE_PLURAL)
WORKFLOWS = Resource(f"/apis/{API_VERSION}", WORKFLOW_PLURAL)
SCHEDULES = Resource(f"/apis/{API_VERSION}", SCHEDULE_PLURAL)
HOLDS = Resource(f"/apis/{API_VERSION}", HOLD_PLURAL)


def _task_identity(parsed: ParsedTask) -> tuple[str, str]:
    return parsed.task.metadata.namespace, parsed.task.metadata.uid


def _queue_identity(queue: DjangoTaskQueue) -> tuple[str, str]:
    return queue.metadata.namespace, queue.metadata.uid


def _identity(item: Job | Pod) -> tuple[str, str]:
    return item.namespace, item.uid


def _key(body: Body) -> Key:
    return Key(body["metadata"]["namespace"], body["metadata"]["name"])


def _cached_task(store: Store, metadata: Body) -> Versioned | None:
    task = store.task(Key(metadata["namespace"], metadata["name"]))
    return None if task is None else task.metadata


def _cached_queue(store: Store, metadata: Body) -> Versioned | None:
    queue = store.queue(Key(metadata["namespace"], metadata["name"]))
    return None if queue is None else queue.metadata


def _cached_workflow(store: Store, metadata: Body) -> Versioned | None:
    workflow = store.workflows.get(Key(metadata["namespace"], metadata["name"]))
    return None if workflow is None else workflow.metadata


def _cached_attempt(
    find: Callable[[Store, Key, int], Versioned | None], store: Store, metadata: Body
) -> Versioned | None:
    """The Job or the Pod (`find`) of the attempt that the labels name."""
    if (labels := attempt_of(metadata)) is None:
        return None
    return find(store, Key(metadata["namespace"], labels.task), labels.number)


def _kind[Item: Keyed](
    resource: Resource, parse: Callable[[Body], Item], part: Callable[[Store], Latest[Item]]
) -> Kind[Store, Item]:
    """A kind of which a part of the store has the latest versions."""
    return Kind(
        resource,
        "",
        parse,
        lambda store, item: part(store).put(item),
        lambda store, item: part(store).drop(item),
        lambda store: part(store).all(),
        lambda item: (item.key.namespace, item.uid),
        lambda store, metadata: part(store).get(Key(metadata["namespace"], metadata["name"])),
    )


QUEUE_SOURCE: Kind[Store, DjangoTaskQueue] = Kind(
    QUEUES,
    "",
    parse_queue,
    Store.put_queue,
    lambda store, queue: store.drop_queue(Key.of(queue.metadata), queue.metadata.uid),
    Store.queues,
    _queue_identity,
    _cached_queue,
    on_unparsable=lambda store, body: store.hide_queue(_key(body), body["metadata"]["uid"]),
)
SCHEDULE_SOURCE = _kind(SCHEDULES, parse_schedule, lambda store: store.schedules)
HOLD_SOURCE = _kind(HOLDS, parse_hold, lambda store: store.holds)
TASK_SOURCE: Kind[Store, ParsedTask] = Kind(
    TASKS,
    "",
    parse_task,
    lambda store, parsed: store.put_task(*parsed),
    lambda store, parsed: store.drop_task(parsed.task),
    lambda store: [ParsedTask(task) for task in store.tasks()],
    _task_identity,
    _cached_task,
)
WORKFLOW_SOURCE: Kind[Store, Workflow] = Kind(
    WORKFLOWS,
    "",
    parse_workflow,
    lambda store, workflow: store.workflows.put(workflow),
    lambda store, workflow: store.workflows.drop(workflow),
    lambda store: store.workflows.all(),
    lambda workflow: (workflow.metadata.namespace, workflow.uid),
    _cached_workflow,
)
JOB_SOURCE: Kind[Store, Job] = Kind(
    JOBS,
    TASK_UID_LABEL,
    parse_job,
    Store.put_job,
    Store.drop_job,
    Store.jobs,
    _identity,
    partial(_cached_attempt, Store.job),
)
POD_SOURCE: Kind[Store, Pod] = Kind(
    PODS,
    TASK_UID_LABEL,
    parse_pod,
    Store.put_pod,
    Store.drop_pod,
    Store.pods,
    _identity,
    partial(_cached_attempt, Store.pod),
)
# Apart from the attempts' pods: one that a task claims leaves this watch, and comes into that one.
STANDBY_SOURCE: Kind[Store, StandbyPod] = Kind(
    PODS,
    f"{STANDBY_LABEL},!{TASK_UID_LABEL}",
    parse_standby,
    lambda store, pod: store.standbys.put(pod),
    lambda store, pod: store.standbys.drop(pod),
    lambda store: store.standbys.all(),
    lambda pod: (pod.namespace, pod.uid),
    lambda store, metadata: store.standbys.get(Key(metadata["namespace"], metadata["name"])),
    name="standbys",
    # Somebody has taken its owner away, or its label: it never becomes one again.
    on_unparsable=lambda store, body: store.standbys.end(_key(body), body["metadata"]["uid"]),
)
