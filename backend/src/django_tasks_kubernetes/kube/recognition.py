"""Whether a task that is stored is the one that this process has sent, after an answer that was lost."""

from typing import Any, Final

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.names import REQUEST_ANNOTATION

# What may change in a spec: an earlier try of a request may have sent something else.
CHANGEABLE: Final = frozenset({"cancel", "cancelReason"})


def is_same(found: Resource, resource: Resource) -> bool:
    """The same request has made it: both have its mark. Where there is none, as in a row of an older version or after a
    webhook that drops annotations, all that was sent is stored. The task may have been cancelled since."""
    marks = [(r["metadata"].get("annotations") or {}).get(REQUEST_ANNOTATION) for r in (found, resource)]
    if None not in marks:
        return marks[0] == marks[1]
    sent = {name: value for name, value in resource["spec"].items() if name not in CHANGEABLE}
    return _contains(found["spec"], sent)


def _contains(stored: Any, sent: Any) -> bool:
    """More may be stored than was sent: the API server fills in the CRD's defaults, at any depth."""
    if isinstance(sent, dict):
        return isinstance(stored, dict) and all(name in stored and _contains(stored[name], sent[name]) for name in sent)
    if isinstance(sent, list):
        same_length = isinstance(stored, list) and len(stored) == len(sent)
        return same_length and all(map(_contains, stored, sent))
    return bool(stored == sent)


def has_key_of(found: Resource, resource: Resource) -> bool:
    """Whether both have the same idempotency key, and task or workflow."""
    mine, theirs = resource["spec"], found["spec"]
    return "idempotencyKey" in mine and all(
        mine.get(f) == theirs.get(f) for f in ("idempotencyKey", "task", "workflow")
    )
