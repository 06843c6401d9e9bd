"""Turns what a verb raises into a message and an exit code, for both shells."""

import logging
from collections.abc import Callable

from django.tasks.exceptions import TaskException, TaskResultDoesNotExist

from django_tasks_kubernetes.cli.output import Output
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.streams import drop
from django_tasks_kubernetes.presentation.filters import UsageError


def run(work: Callable[[], int], output: Output) -> int:
    """Runs a verb, and returns the exit code."""
    for name in ("django_tasks_kubernetes", "urllib3"):
        # What they would log is in an error or a note, unless the project has handlers of its own.
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        return int(work())
    except UsageError as error:
        output.note(str(error))
        return Code.USAGE
    except TaskResultDoesNotExist as error:
        output.note(f"There is no task {str(error)!r}.")
        return Code.FAILED
    except TaskException as error:
        output.note(str(error))
        return Code.FAILED
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does.
        drop(output.stdout)
        return Code.OK
    except KeyboardInterrupt:
        return Code.INTERRUPTED
