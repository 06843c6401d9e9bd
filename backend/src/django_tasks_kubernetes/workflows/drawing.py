"""The workflow that is drawn: the steps that its function has made so far. No I/O."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

from django_tasks_kubernetes.arguments import accept_arguments
from django_tasks_kubernetes.codec import json_text
from django_tasks_kubernetes.exceptions import PayloadTooLarge
from django_tasks_kubernetes.task import AnyTask
from django_tasks_kubernetes.workflows.later import Later, extracted
from django_tasks_kubernetes.workflows.step_names import step_name
from djangotasks_api.bounds import STEP_NAME_MAX_CHARS
from djangotasks_api.names import DNS_LABEL_PATTERN
from djangotasks_api.workflow.bounds import ITEM_MAX_BYTES, LIST_MAX_CHARS, LISTS_MAX, STEP_PAYLOAD_MAX_BYTES
from djangotasks_api.workflow.plan import ITEMS_POINTER

# Of the payload of a chunk: where its items go.
EACH: Final = '"each":null,'


@dataclass(slots=True)
class Drawing:
    """The steps that were drawn so far."""

    backend: str
    """The alias of the backend that all its tasks must have."""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    lists: list[dict[str, Any]] = field(default_factory=list)
    lengths: dict[str, int] = field(default_factory=dict)
    """How many items each list has."""
    uncalled: dict[Any, str] = field(default_factory=dict)
    """What step() returned and nobody has called yet, with the names of the functions."""

    def add_list(self, items: list[Any]) -> str:
        """Returns its name. The same list is kept once."""
        text = json_text.dumps(items, name="items")
        for known in self.lists:
            if known["items"] == text:
                return str(known["name"])
        if len(self.lists) == LISTS_MAX:
            raise ValueError(f"A workflow may map over {LISTS_MAX} lists. Return further ones from a step.")
        if len(text) > LIST_MAX_CHARS:
            raise PayloadTooLarge(
                f"The items take {len(text):,} bytes as JSON, and {LIST_MAX_CHARS:,} are allowed. Map over primary "
                "keys or file names, or return the list from a step."
            )
        name = f"list-{len(self.lists) + 1}"
        self.lists.append({"name": name, "items": text})
        self.lengths[name] = len(items)
        return name


_DRAWING: Final[ContextVar[Drawing | None]] = ContextVar("drawing", default=None)


@contextmanager
def drawing(backend: str) -> Iterator[Drawing]:
    """Steps that are made within are drawn here."""
    token = _DRAWING.set(found := Drawing(backend))
    try:
        yield found
    finally:
        _DRAWING.reset(token)


def current_drawing() -> Drawing | None:
    return _DRAWING.get()


def required_drawing() -> Drawing:
    """Raises RuntimeError where nothing is drawn."""
    if (found := _DRAWING.get()) is None:
        raise RuntimeError("step() and each() belong into a function with @workflow. To run a task alone, enqueue it.")
    return found


def draw(
    task: AnyTask,
    name: str | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    common: dict[str, Any],
    source: dict[str, Any] | None = None,
) -> Later:
    """Add a step. `common`: what it says beside its arguments. `source`: what it maps over.

    Raises RuntimeError, TypeError, ValueError and PayloadTooLarge."""
    found = required_drawing()
    if name is None:
        name = step_name(task.func.__name__, found.steps)
    elif name in found.steps:
        raise ValueError(f"There is a step {name} already.")
    elif len(name) > STEP_NAME_MAX_CHARS or not _is_label(name):
        raise ValueError(
            f"The name {name!r} must be of lower-case letters, digits and hyphens, at most {STEP_NAME_MAX_CHARS}."
        )
    accept_arguments(task.func, task.module_path, args, kwargs, takes_context=task.takes_context)
    chunk = None if source is None else source.get("chunk")
    values, inputs = extracted(
        {"args": list(args if chunk is None else args[1:]), "kwargs": dict(kwargs)},
        f"the arguments of the step {name}",
        found,
    )
    if source is not None:
        inputs = [{"into": "/args/0" if chunk is None else ITEMS_POINTER}, *inputs]
    payload = (
        f'{{{"" if chunk is None else EACH}"args":{json_text.dumps(values["args"], name="args")},'
        f'"kwargs":{json_text.dumps(values["kwargs"], name="kwargs")}}}'
    )
    if len(payload) > STEP_PAYLOAD_MAX_BYTES:
        raise PayloadTooLarge(
            f"The arguments of the step {name} take {len(payload):,} bytes as JSON, and {STEP_PAYLOAD_MAX_BYTES:,} are "
            "allowed. Pass a primary key or a file name, or return them from a step."
        )
    made: dict[str, Any] = {"name": name, "task": task.module_path, "payload": payload}
    if inputs:
        made["inputs"] = inputs
    if source is not None:
        items = source.pop("items", None)
        if chunk is not None and items is not None:
            _check_chunks(name, items, chunk)
        made["map"] = source if items is None else source | {"list": found.add_list(items)}
    found.steps[name] = made | common
    return Later(name, is_map=source is not None, home=found)


def _check_chunks(name: str, items: list[Any], size: int) -> None:
    """Raises PayloadTooLarge where a chunk has more than a payload may."""
    for first in range(0, len(items), size):
        chars = len(json_text.dumps(items[first : first + size], name="items"))
        if chars > ITEM_MAX_BYTES:
            raise PayloadTooLarge(
                f"The items {first} to {first + size - 1} of the step {name} take {chars:,} bytes as JSON, and "
                f"{ITEM_MAX_BYTES:,} are allowed in a chunk. Put fewer in it, or map over primary keys or file names."
            )


def _is_label(name: str) -> bool:
    return re.fullmatch(DNS_LABEL_PATTERN.removesuffix("$"), name) is not None
