"""What @workflow, chain() and group() refuse, where they are written."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.tasks import task
from django.tasks.exceptions import InvalidTask
from django.test import override_settings

from django_tasks_kubernetes.decorators import task as our_task
from django_tasks_kubernetes.workflows import call, chain, group, step, workflow
from tests.unit.backend.workflows.flows import add, note

UNTYPED_CHAIN: Any = chain
UNTYPED_GROUP: Any = group
UNTYPED_CALL: Any = call
UNTYPED: Any = workflow


@workflow
def flow(value: object = None) -> object:
    return step(note)(value)


def plain() -> object:
    return step(note)(1)


async def asynchronous() -> object:
    return step(note)(1)


def generator() -> Iterator[object]:
    yield step(note)(1)


async def asynchronous_generator() -> AsyncIterator[object]:
    yield step(note)(1)


@pytest.mark.parametrize(
    ("declare", "error", "words"),
    [
        (lambda: UNTYPED(note), TypeError, r"\.note is a task, and @workflow is for a plain function"),
        (lambda: task(flow), InvalidTask, r"\.flow is a workflow, .*: take the @task above @workflow away"),
        (lambda: our_task(priority=1)(flow), InvalidTask, r"\.flow is a workflow, .*: take the @task above"),
        (lambda: UNTYPED(flow), TypeError, "@workflow is for a function that draws"),
        (lambda: UNTYPED("report"), TypeError, "@workflow is for a function that draws"),
        (lambda: workflow(asynchronous), TypeError, r"\.asynchronous cannot draw a workflow: it needs no async"),
        (lambda: workflow(generator), TypeError, r"\.generator cannot draw a workflow: .*no yield"),
        (lambda: workflow(asynchronous_generator), TypeError, "cannot draw a workflow"),
        (lambda: UNTYPED(timeout="1h")(plain), TypeError, "timeout must be a timedelta or a number of seconds"),
        (lambda: flow.using(priority=101), ValueError, "priority must be a whole number"),
        (lambda: flow.using(ttl=timedelta(days=-1)), ValueError, "ttl must be from"),
        (lambda: UNTYPED_CALL(flow, 1), TypeError, "call.. takes a task, .*drawn by a function with @workflow"),
        (lambda: UNTYPED_CALL("note", 1), TypeError, "call.. takes a task, which 'note' is not"),
        (lambda: UNTYPED_CHAIN(note, note), TypeError, "chain.. takes calls, such as .*, not KubernetesTask"),
        (lambda: UNTYPED_CHAIN(call(note, 1), group(call(note, 1))), TypeError, "not Workflow. What is nested"),
        (lambda: UNTYPED_GROUP([call(note, 1)]), TypeError, "group.. takes calls, such as .*, not list"),
    ],
)
def test_what_is_no_workflow_is_refused(declare: Callable[[], Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        declare()


@pytest.mark.parametrize(
    ("made", "args", "words"),
    [
        (flow, (1, 2), r"do not fit tests\.\S+\.flow: too many positional arguments"),
        (chain(call(note), call(add, 1)), (1,), "do not fit a chain or a group: too many positional arguments"),
        (chain(call(add, 1)), (), r"do not fit tests\.\S+\.add: missing a required argument: 'b'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_by_enqueue(made: Any, args: tuple[Any, ...], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        made.draw(*args)


@pytest.mark.parametrize(
    ("queue", "queues", "words"),
    [
        ("gone", ["default", "mail"], r"QUEUES of TASKS\['default'\] has default, mail"),
        ("Mail", [], "cannot be the name of a DjangoTaskQueue"),
    ],
)
def test_a_queue_must_be_known(queue: str, queues: list[str], words: str) -> None:
    backend = {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": queues}
    with override_settings(TASKS={"default": backend}), pytest.raises(InvalidTask, match=words):
        flow.using(queue_name=queue).enqueue(1)


def test_no_queue_need_be_the_default() -> None:
    backend = {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": ["mail"]}
    with override_settings(TASKS={"default": backend}):
        mailed = note.using(queue_name="mail")
        assert workflow(lambda: step(mailed)(7)).enqueue().get() == 7
