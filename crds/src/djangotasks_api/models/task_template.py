"""What a task is, apart from when: the part that a task has in common with the schedule that makes it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints

from djangotasks_api.bounds import BACKEND_ALIAS_MAX_CHARS, PAYLOAD_MAX_BYTES, PRIORITY, TASK_PATH_MAX_CHARS
from djangotasks_api.models.base import DnsLabel, Model, within
from djangotasks_api.models.overrides import Overrides
from djangotasks_api.models.policy import Policy
from djangotasks_api.names import DOTTED_PATH_PATTERN


def _fits_the_environment(payload: str) -> str:
    """Refuse a payload by its bytes: the schema's maxLength counts characters."""
    if len(payload.encode("utf-8", "surrogatepass")) > PAYLOAD_MAX_BYTES:
        raise ValueError(f"must have at most {PAYLOAD_MAX_BYTES} bytes")
    return payload


Payload = Annotated[str, StringConstraints(max_length=PAYLOAD_MAX_BYTES), AfterValidator(_fits_the_environment)]


class TaskTemplate(Model):
    """The task, its arguments, and how it runs."""

    task: Annotated[str, StringConstraints(pattern=DOTTED_PATH_PATTERN, max_length=TASK_PATH_MAX_CHARS)]
    """The dotted path of the Django task, such as shop.tasks.send_receipt."""

    queue: DnsLabel = "default"
    """The DjangoTaskQueue that defines how it runs."""

    backend: Annotated[str, StringConstraints(min_length=1, max_length=BACKEND_ALIAS_MAX_CHARS)] = "default"
    """The backend's alias in Django's TASKS setting."""

    priority: Annotated[int, within(PRIORITY)] = 0
    """Tasks that wait in a queue start in order of priority, the highest first."""

    payload: Payload = '{"args":[],"kwargs":{}}'
    """The arguments as JSON text: {"args": [...], "kwargs": {...}}. Text keeps large numbers exact."""

    payload_encoding: Literal["zlib+base64"] | None = None
    """How the payload is compressed and encoded. Default: not at all."""

    policy: Policy | None = None
    """Attempts, timeouts and how long the result is kept. Unset fields take the queue's values."""

    overrides: Overrides | None = None
    """What differs from the queue's pod template, where the queue allows it."""
