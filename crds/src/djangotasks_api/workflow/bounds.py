"""The bounds of a workflow. All that is written of it at once must fit into the 1.5 MiB that etcd takes a request.

Standard library only, as `djangotasks_api.bounds`.
"""

from typing import Final

from djangotasks_api.bounds import PAYLOAD_MAX_BYTES
from djangotasks_api.number_range import Range

STEPS_MAX: Final = 500
"""Steps of a workflow. A map is one step."""

WORKFLOW_TASKS_MAX: Final = 100_000
"""Tasks of one workflow. Their names have five digits for the index."""

WORKFLOW_SPEC_MAX_BYTES: Final = 1_000 * 1024
"""The spec of a workflow as JSON, so that the status has room beside it."""

WORKFLOW_REQUEST_MAX_BYTES: Final = WORKFLOW_SPEC_MAX_BYTES + 64 * 1024
"""A new workflow on its way from a task's pod to the operator: its spec as JSON, and a little more."""

STEP_PAYLOAD_MAX_BYTES: Final = 32 * 1024
"""The arguments of one step as its workflow has them, without what other steps return."""

STEP_INPUTS_MAX_BYTES: Final = 32 * 1024
"""The results of other steps in the payload of one task. Its pod reads what is larger."""

ITEM_MAX_BYTES: Final = PAYLOAD_MAX_BYTES - STEP_PAYLOAD_MAX_BYTES
"""An item of a list that the workflow has: no pod reads it from there, so that it goes into the payload."""

STEP_INPUTS_MAX: Final = 500
"""Arguments of one step that are results of others."""

NESTING: Final = Range(1, 32)
"""How deep workflows may be that tasks have returned: 1 for one that a task has returned that is no step of such a
one."""

LISTS_MAX: Final = 8
"""Lists of a workflow that its steps map over."""

LIST_MAX_CHARS: Final = 768 * 1024
"""One such list, as JSON text."""

POINTER_MAX_CHARS: Final = 256
"""The place of a value in a JSON text."""

RANGES_MAX_CHARS: Final = 64 * 1024
"""A set of a chunk's items, such as 0-811,813."""

STEP_RANGES_MAX_CHARS: Final = 4 * WORKFLOW_TASKS_MAX
"""A set of a step's indexes: as long as it can be, whichever items of the widest map have failed. The longest has runs
of two, such as 10000-10001,10003-10004."""

STEP_MESSAGES_MAX_BYTES: Final = 128 * 1024
"""What all steps say of their failures, as it is stored."""

WINDOW: Final = 200
"""Unfinished tasks of one workflow at once, so that a wide one leaves room for others."""

MAX_PARALLEL: Final = Range(1, 100_000)
"""Unfinished tasks of one step, or of a workflow, that its author allows at once."""

RETRIES_MAX: Final = 16
"""How often a workflow is retried, each time the retry before: so many workflows may have results of one."""

MAX_FAILED_INDEXES: Final = Range(0, WORKFLOW_TASKS_MAX)
"""Indexes of a map that may fail."""
