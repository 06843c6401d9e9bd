"""The CustomResourceDefinitions of queues, and of the holds on them."""

from djangotasks_api.bounds import DNS_LABEL_MAX_CHARS
from djangotasks_api.crd import Column, Definition, Rule
from djangotasks_api.models import DjangoTaskHold, DjangoTaskQueue
from djangotasks_api.names import DNS_LABEL_PATTERN, HOLD_KIND, HOLD_PLURAL, QUEUE_KIND, QUEUE_PLURAL


def queue_definition() -> Definition:
    """The CRD of DjangoTaskQueue."""
    return Definition(
        kind=QUEUE_KIND,
        plural=QUEUE_PLURAL,
        short_name="dtq",
        model=DjangoTaskQueue,
        columns=(
            Column("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
            Column("Queued", "integer", ".status.queued"),
            Column("Running", "integer", ".status.running"),
            Column("Concurrency", "integer", ".spec.concurrency"),
            Column("Standby", "integer", ".status.standby.ready"),
            Column("Held", "integer", ".status.held.concurrency"),
            Column("Oldest", "date", ".status.oldestQueuedAt"),
            Column("Suspended", "boolean", ".spec.suspended"),
            Column("Reason", "string", ".status.conditions[?(@.type=='Ready')].reason", priority=1),
            Column("Held-By", "string", ".status.held.by", priority=1),
            Column("Held-Until", "string", ".status.held.until", priority=1),
            Column("Deployment", "string", ".spec.podTemplateFrom.deployment", priority=1),
            Column("Image", "string", ".spec.template.spec.containers[0].image", priority=1),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        spec_rules=(
            Rule("has(self.template) != has(self.podTemplateFrom)", "set exactly one of template and podTemplateFrom"),
            Rule(
                "!has(self.standby) || self.standby.min <= self.standby.max",
                "the max of standby must be at least its min",
            ),
        ),
    )


def hold_definition() -> Definition:
    """The CRD of DjangoTaskHold. One hold a queue, as it has the queue's name: two people see each other. UNTIL is
    text: kubectl shows a date as its age, and one to come as <invalid>."""
    return Definition(
        kind=HOLD_KIND,
        plural=HOLD_PLURAL,
        short_name="dth",
        model=DjangoTaskHold,
        columns=(
            Column("Concurrency", "integer", ".spec.concurrency"),
            Column("Until", "string", ".spec.until"),
            Column("By", "string", ".spec.by"),
            Column("Reason", "string", ".spec.reason"),
            Column("Age", "date", ".metadata.creationTimestamp"),
        ),
        rules=(
            Rule(
                f"self.metadata.name.matches('{DNS_LABEL_PATTERN}') && "
                f"size(self.metadata.name) <= {DNS_LABEL_MAX_CHARS}",
                "the name of a hold is the name of the queue that it holds",
            ),
        ),
    )
