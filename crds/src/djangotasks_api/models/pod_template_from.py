"""PodTemplateFrom: the Deployment that a queue follows, and how its tasks' pods differ from that one's."""

from typing import Annotated

from pydantic import Field, StringConstraints

from djangotasks_api.bounds import (
    ANNOTATION_MAX_CHARS,
    DNS_LABEL_MAX_CHARS,
    LABEL_KEY_MAX_CHARS,
    POD_CONTAINERS_MAX,
    POD_LABELS_MAX,
)
from djangotasks_api.models.base import DnsLabel, DnsName, Model
from djangotasks_api.names import LABEL_VALUE_PATTERN

LabelKey = Annotated[str, Field(max_length=LABEL_KEY_MAX_CHARS)]
LabelValue = Annotated[str, StringConstraints(pattern=LABEL_VALUE_PATTERN, max_length=DNS_LABEL_MAX_CHARS)]
AnnotationValue = Annotated[str, Field(max_length=ANNOTATION_MAX_CHARS)]
ContainerNames = Annotated[list[DnsLabel], Field(max_length=POD_CONTAINERS_MAX)]


class PodMetadata(Model):
    """Labels and annotations of the tasks' pods, besides the operator's own and those of the Deployment."""

    labels: Annotated[dict[str, LabelValue], Field(max_length=POD_LABELS_MAX)] = {}
    """Labels, such as those that a policy requires of every pod."""

    annotations: Annotated[dict[str, AnnotationValue], Field(max_length=POD_LABELS_MAX)] = {}
    """Annotations, such as cluster-autoscaler.kubernetes.io/safe-to-evict: "false"."""


class PodTemplateFrom(Model):
    """Follow a Deployment: image, environment, volumes and service account are taken from it for each
    new attempt, so that a deploy of the web app is a deploy of its tasks."""

    deployment: DnsName
    """The Deployment's name, in the queue's namespace."""

    metadata: PodMetadata = PodMetadata()
    """Labels and annotations for the tasks' pods."""

    copy_labels: Annotated[list[LabelKey], Field(max_length=POD_LABELS_MAX)] = []
    """Labels to copy from the Deployment's pods, where they have them. Default: none, because Services select pods by
    their labels."""

    sidecars: ContainerNames | None = None
    """The containers and native sidecars that run beside the task's container. Default: all."""

    init_containers: ContainerNames | None = None
    """The init containers that run before a task. Default: those that fill a volume for a container of its pod."""

    automount_service_account_token: bool = False
    """Mount the token of the service account, so that tasks may do in the cluster what the web app may. For injectors
    that log in with it, such as Vault's."""
