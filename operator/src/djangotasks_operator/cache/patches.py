"""Merge patches from one state of a model to the next. Pure."""

from typing import Any

from djangotasks_api.models import TaskStatus
from djangotasks_api.models.base import Model


def status_patch(old: TaskStatus, new: TaskStatus) -> dict[str, Any]:
    """The merge patch that turns one status of a task into the other."""
    # The phase is always in it: the server's own default for it is no stored value.
    patch = {"phase": new.phase.value} | difference(old, new)
    if patch.get("resultRef") is not None:
        # An earlier attempt at a chunk may have left a result in the resource, which the cache does not have.
        patch["result"] = None
    return patch


def difference(old: Model, new: Model) -> dict[str, Any]:
    """The fields that changed, and null for those that are not there any more."""
    before, after = (model.model_dump(mode="json", by_alias=True, exclude_none=True) for model in (old, new))
    changed = {key: _replacing(before.get(key), value) for key, value in after.items() if before.get(key) != value}
    return {**changed, **{key: None for key in before if key not in after}}


def _replacing(old: Any, new: Any) -> Any:
    """A merge patch goes into objects: what the new one does not have must be named."""
    if isinstance(old, dict) and isinstance(new, dict):
        return dict.fromkeys(old) | new
    return new
