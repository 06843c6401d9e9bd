"""A value of a workflow that is known only when it runs: what a step has, and what is left to its task's pod."""

from typing import Annotated

from pydantic import StringConstraints

from djangotasks_api.bounds import STEP_NAME_MAX_CHARS
from djangotasks_api.models.base import Model
from djangotasks_api.names import DNS_LABEL_PATTERN, POINTER_PATTERN
from djangotasks_api.workflow.bounds import POINTER_MAX_CHARS

StepName = Annotated[str, StringConstraints(pattern=DNS_LABEL_PATTERN, max_length=STEP_NAME_MAX_CHARS)]
Pointer = Annotated[str, StringConstraints(pattern=POINTER_PATTERN, max_length=POINTER_MAX_CHARS)]


class Input(Model):
    """A value that is known only when the workflow runs, and where it goes."""

    into: Pointer
    """The JSON pointer of the null in the text that it takes the place of, such as /args/0."""

    step: StepName | None = None
    """The step whose result it is; of a map the list of all results, with null for what failed. Default: the item
    that the task is for."""

    pointer: Pointer = ""
    """The part of it that is taken, as a JSON pointer. Default: the whole."""
