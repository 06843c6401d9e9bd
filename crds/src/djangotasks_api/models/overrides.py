"""What a task may change of its queue's pod template, where the queue allows it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.models.base import Model
from djangotasks_api.names import QUANTITY_PATTERN

Quantity = Annotated[str, StringConstraints(pattern=QUANTITY_PATTERN, max_length=32)]
Quantities = Annotated[dict[str, Quantity], Field(max_length=16)]


class Resources(Model):
    """Of the task's container, as in a pod. What is not named stays as in the template."""

    requests: Quantities | None = None
    """What the node must have free, such as cpu: 500m, memory: 1Gi."""

    limits: Quantities | None = None
    """What the container may use at most."""


class Overrides(Model):
    """What differs from the queue's pod template."""

    resources: Resources | None = None
    """CPU, memory and other resources of the task's container."""

    node_selector: Annotated[dict[str, Annotated[str, Field(max_length=63)]], Field(max_length=16)] | None = None
    """Labels that the node must have, besides the template's."""
