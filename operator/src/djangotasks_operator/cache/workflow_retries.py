"""Which workflows retry which: what one has taken over is kept for it, with the workflow whose tasks have it."""

from djangotasks_operator.cache.keys import Key
from djangotasks_operator.workflows.views import Origin, Workflow, WorkflowId


class WorkflowRetries:
    def __init__(self) -> None:
        self._of: dict[WorkflowId, dict[str, Workflow]] = {}

    def __bool__(self) -> bool:
        """Whether any workflow is kept for another one."""
        return bool(self._of)

    def put(self, workflow: Workflow, before: Workflow | None) -> list[Key]:
        """Note what a workflow takes over. `before`: its last version. Returns the keys of those that are kept for
        nobody any more."""
        for origin in workflow.origins:
            self._of.setdefault(_id(workflow, origin), {})[workflow.uid] = workflow
        return [] if before is None else self._free(before, before.origins - workflow.origins)

    def drop(self, workflow: Workflow) -> list[Key]:
        """Note that a workflow is gone. Returns the keys of those that are kept for nobody any more."""
        return self._free(workflow, workflow.origins)

    def _free(self, workflow: Workflow, origins: frozenset[Origin]) -> list[Key]:
        freed: list[Key] = []
        for origin in origins:
            of = _id(workflow, origin)
            retries = self._of.get(of, {})
            retries.pop(workflow.uid, None)
            if not retries and self._of.pop(of, None) is not None:
                freed.append(Key(workflow.metadata.namespace, origin.name))
        return freed

    def holds(self, workflow: WorkflowId) -> bool:
        """Whether the workflow is kept for one that retries it."""
        return workflow in self._of

    def first(self, workflow: WorkflowId) -> Workflow | None:
        """The first of the unfinished workflows that retry it."""
        unfinished = [
            found
            for found in self._of.get(workflow, {}).values()
            if not found.phase.is_terminal and found.retry_of is not None and found.retry_of.uid == workflow.uid
        ]
        return min(unfinished, key=_age, default=None)


def _id(workflow: Workflow, origin: Origin) -> WorkflowId:
    return WorkflowId(workflow.metadata.namespace, origin.uid)


def _age(workflow: Workflow) -> tuple[str, str]:
    created = workflow.metadata.creation_timestamp
    return ("" if created is None else created.isoformat(), workflow.metadata.name)
