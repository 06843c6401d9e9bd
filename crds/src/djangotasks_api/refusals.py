"""Why the operator does not do what a task's pod asks for: the `reason` of its Status. The standard library alone."""

from enum import StrEnum


def attempt_ended(task: str, attempt: int) -> str:
    """What to say to an attempt that is over. `task`: the name of its task."""
    return (
        f"Attempt {attempt} of task {task} has ended or is being stopped, and can enqueue, read and cancel nothing "
        "any more. What runs after the task's function has returned, as receivers of task_finished do, may enqueue for "
        "half a minute, and nothing else. Do it in the function, or in a receiver of task_ended: manage.py watch_tasks."
    )


def not_own(name: str, queue: str, what: str = "Task") -> str:
    """What to say to a task of a queue that asks for a task, or a workflow (`what`), that it may not see."""
    return (
        f"{what} {name} was not enqueued by this task, and the queue {queue!r} lets its tasks see and cancel those "
        "alone that they have enqueued. An administrator can let them see all of the namespace: taskAccess: Namespace."
    )


def no_access(queue: str, cause: str = "has taskAccess: None") -> str:
    """What to say to a task of a queue that lets its tasks do nothing with others."""
    return f"The queue {queue!r} of this task {cause}: its tasks may not enqueue, read or cancel tasks."


def not_returnable(queue: str) -> str:
    """What to say to a task of a queue that lets its tasks return no workflows."""
    return (
        f"The queue {queue!r} of this task lets its tasks return no workflows. An administrator can allow it: "
        "returnedWorkflows: Allowed. Without that, enqueue the workflow, and return its id."
    )


def too_deep(most: int) -> str:
    """What to say to a task in a workflow that was returned in one that was returned, and so on."""
    return (
        f"Workflows that tasks return may be {most} deep in each other, and this one would be deeper. Enqueue it, and "
        "return its id; or return a workflow of more steps at once."
    )


class Refusal(StrEnum):
    """Of an answer with a status of 4xx that is the operator's own, and not the API server's."""

    ATTEMPT_ENDED = "AttemptEnded"
    """The attempt whose token it is has ended, or is being stopped."""
    TASK_ACCESS = "TaskAccess"
    """The queue's taskAccess does not allow it."""
    QUEUE_NOT_FOUND = "QueueNotFound"
    """The namespace has no queue of that name."""
    INPUT_UNAVAILABLE = "InputUnavailable"
    """A result that is an argument of the task is gone, or is not the task's to have."""
    INVALID = "InvalidTask"
    """It is not a DjangoTask, or DjangoTaskWorkflow, that a pod may create."""
