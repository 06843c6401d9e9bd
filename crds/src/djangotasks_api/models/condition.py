"""What the conditions of a queue and of a schedule have, for kubectl wait."""

from typing import Literal

from djangotasks_api.models.base import Count, Message, Model, ReasonWord, Timestamp


class ReadyCondition(Model):
    """Ready, for kubectl wait."""

    type: str
    """Ready when everything that its spec says can be done."""

    status: Literal["True", "False", "Unknown"]
    """False while something in its spec, or that its spec names, is wrong."""

    reason: ReasonWord
    """Ready, Suspended, or what is wrong, such as DeploymentNotFound or InvalidTemplate."""

    message: Message = ""
    """The reason as a sentence."""

    observed_generation: Count | None = None
    """The generation of the spec that it is about."""

    last_transition_time: Timestamp
    """When its status changed last."""
