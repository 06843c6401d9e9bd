"""What a task may change of its queue's pod template, where the queue allows it."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS, NODE_LABELS_MAX, QUANTITY_MAX_CHARS, RESOURCES_MAX
from djangotasks_api.models.base import Model
from djangotasks_api.names import QUANTITY_PATTERN

Quantity = Annotated[str, StringConstraints(pattern=QUANTITY_PATTERN, max_length=QUANTITY_MAX_CHARS)]
Quantities = Annotated[dict[str, Quantity], Field(max_length=RESOURCES_MAX)]
LabelValue = Annotated[str, Field(max_length=DNS_LABEL_MAX_CHARS)]


class Resources(Model):
    """Resources of the task's container, as in a pod. Those not named here are the template's."""

    requests: Quantities | None = None
    """What the node must have free, such as cpu: 500m, memory: 1Gi."""

    limits: Quantities | None = None
    """What the container may use at most."""


class Overrides(Model):
    """What differs from the queue's pod template."""

    resources: Resources | None = None
    """CPU, memory and other resources of the task's container."""

    node_selector: Annotated[dict[str, LabelValue], Field(max_length=NODE_LABELS_MAX)] | None = None
    """Labels that the node must have, besides the template's."""
