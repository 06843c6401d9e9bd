"""When a task goes to the cluster: OPTIONS["ENQUEUE"].

immediate: within enqueue(). on_commit: when the database transaction is committed. outbox: also then, from a row that
was written in the transaction, so that it survives the process and an API server that is away.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from django.tasks.signals import task_enqueued

from django_tasks_kubernetes.bulk import CONCURRENCY_MAX, Call, Enqueued, NotAccepted, create_all, unpack
from django_tasks_kubernetes.commit import on_commit
from django_tasks_kubernetes.new_task import NewTask
from django_tasks_kubernetes.options import Enqueue
from django_tasks_kubernetes.task_types import AnyResult

if TYPE_CHECKING:
    from django_tasks_kubernetes.backend import KubernetesBackend


def deliver(backend: "KubernetesBackend", new: NewTask) -> AnyResult:
    """By the backend's mode. The result, or that of the task with the same key."""
    options = backend.parsed_options
    match options.enqueue:
        case Enqueue.OUTBOX:
            from django_tasks_kubernetes import outbox  # has a model: only where the app is installed

            outbox.put(backend, [backend.placed(new)])
            return new.result
        case Enqueue.ON_COMMIT:
            on_commit([new], partial(_create, backend, new), using=options.database)
            return new.result
        case Enqueue.IMMEDIATE:
            return _create(backend, new)


def _create(backend: "KubernetesBackend", new: NewTask) -> AnyResult:
    result, created = backend.create(new)
    if created:
        task_enqueued.send(type(backend), task_result=result)
    return result


def deliver_many(backend: "KubernetesBackend", calls: Iterable[Call], concurrency: int) -> Enqueued:
    """See KubernetesBackend.enqueue_many()."""
    if isinstance(concurrency, bool) or not 1 <= concurrency <= CONCURRENCY_MAX:
        raise ValueError(f"concurrency must be a whole number from 1 to {CONCURRENCY_MAX}, not {concurrency!r}.")
    options, report, listed = backend.parsed_options, Enqueued(), []
    tasks: list[tuple[int, NewTask]] = []
    for index, call in enumerate(calls):
        listed.append(call)
        try:
            new = backend.new_task(*unpack(call))
            if options.enqueue is Enqueue.OUTBOX:
                new = backend.placed(new)
        except Exception as error:  # noqa: BLE001 - one call's error is in the report, and no other's
            report.results.append(None)
            report.not_accepted.append(NotAccepted(index, call, error))
        else:
            report.results.append(new.result)
            tasks.append((index, new))
    ready = [new for _, new in tasks]
    match options.enqueue:
        case Enqueue.OUTBOX:
            from django_tasks_kubernetes import outbox

            outbox.put(backend, ready)
        case Enqueue.ON_COMMIT:
            send = partial(_create_many, backend, ready, concurrency)
            on_commit(ready, lambda: send().raise_for_not_accepted(), using=options.database)
        case Enqueue.IMMEDIATE:
            sent = _create_many(backend, ready, concurrency)
            for (index, _), result in zip(tasks, sent.results, strict=True):
                report.results[index] = result
            report.not_accepted.extend(
                NotAccepted(index := tasks[failure.index][0], listed[index], failure.error)
                for failure in sent.not_accepted
            )
    report.not_accepted.sort(key=lambda failure: failure.index)
    return report


def _create_many(backend: "KubernetesBackend", tasks: Sequence[NewTask], concurrency: int) -> Enqueued:
    done, failed = create_all(partial(backend.send, backend.store), tasks, concurrency)
    results: list[AnyResult | None] = [None] * len(tasks)
    for index, known in sorted(done.items()):
        results[index] = tasks[index].result if known is None else backend.decoded(known)
        if known is None:
            task_enqueued.send(type(backend), task_result=tasks[index].result)
    return Enqueued(results, [NotAccepted(index, (tasks[index].result.task,), error) for index, error in failed])
