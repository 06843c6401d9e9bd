"""What became of the items of a chunk, in its status. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from djangotasks_api.bounds import RESULT_MAX_BYTES
from djangotasks_api.items import ItemsReport
from djangotasks_api.models import ItemError, ItemsStatus, StoredText, TaskStatus
from djangotasks_operator.status.text import plain

# Of the path of an exception's class. With many errors, each must be short.
TYPE_MAX_CHARS = 128


def with_items(status: TaskStatus, items: ItemsReport) -> TaskStatus:
    """An attempt has left results of items. More than a result may have is not kept: then they run again."""
    if items.result is not None and len(items.result.encode()) > RESULT_MAX_BYTES:
        return status
    errors = [
        ItemError(item=error.item, type=plain(error.type[:TYPE_MAX_CHARS]), message=plain(error.message))
        for error in items.errors
    ]
    found = ItemsStatus(completed=items.completed, failed=items.failed, errors=errors)
    ref = None if items.result_ref is None else StoredText(**asdict(items.result_ref))
    return status.model_copy(update={"items": found, "result": items.result, "result_ref": ref})


def items_of(status: Mapping[str, Any]) -> ItemsReport:
    """What earlier attempts have left. `status`: as the API server has it. Raises ValueError where somebody has written
    something else."""
    found = {**(status.get("items") or {}), "result": status.get("result"), "resultRef": status.get("resultRef")}
    return ItemsReport.from_data(found)
