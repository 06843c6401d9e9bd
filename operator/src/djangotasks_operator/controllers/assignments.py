"""What task pods are handed: their assignment, with the way back to the operator."""

from dataclasses import dataclass

from djangotasks_api.assignment import Assignment
from djangotasks_api.models import DjangoTask
from djangotasks_operator.pods.assignment import make_assignment
from djangotasks_operator.pods.tokens import sign
from djangotasks_operator.pods.views import Body
from djangotasks_operator.scheduling.limits import Limits


@dataclass(frozen=True, slots=True)
class ReportAccess:
    """How task pods reach the operator."""

    url: str
    key: bytes
    """Signs the tokens of their reports."""

    def assignment(
        self, task: DjangoTask, number: int, spec: Body, limits: Limits, pod: str | None = None
    ) -> Assignment:
        """`spec`: as the API server has it. `pod`: the standby pod, where it is for one. Raises InvalidPayload."""
        return make_assignment(
            task,
            number,
            spec.get("payload", ""),
            limits,
            url=self.url,
            token=sign(self.key, task.metadata.namespace, task.metadata.uid, number),
            has_inputs=bool(spec.get("inputs")),
            pod=pod,
        )
