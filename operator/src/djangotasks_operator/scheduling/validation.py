"""Find what a task asks for that its queue does not allow. Pure."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from djangotasks_api.models import BoundedPolicy, Ceilings, DjangoTask, DjangoTaskQueue

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
SUFFIXES = {"m": Decimal("0.001"), "": Decimal(1)} | {
    suffix: Decimal(base) ** power
    for base, suffixes in ((1000, "k M G T P E"), (1024, "Ki Mi Gi Ti Pi Ei"))
    for power, suffix in enumerate(suffixes.split(), 1)
}
# A container whose limit of these is 0 has none.
UNLIMITED_AT_ZERO = frozenset({"cpu", "memory", "ephemeral-storage"})


def refusal(task: DjangoTask, queue: DjangoTaskQueue) -> str | None:
    """Say why the queue refuses the task: the first limit that it is over. None where it is within all."""
    return next(_refusals(task, queue), None)


def _refusals(task: DjangoTask, queue: DjangoTaskQueue) -> Iterator[str]:
    name, overrides = queue.metadata.name, task.spec.overrides
    asked: dict[str, object] = {
        "resources": overrides and overrides.resources,
        "nodeSelector": overrides and overrides.node_selector,
    }
    for field, wanted in asked.items():
        if wanted and field not in queue.spec.allowed_overrides:
            yield (
                f"The queue {name!r} does not let tasks set their {field}. Have its spec.allowedOverrides name it, or "
                "leave the option out."
            )
    if (ceilings := queue.spec.ceilings) is not None:
        for what, value, ceiling in _over(task, ceilings):
            yield f"The queue {name!r} allows {what} of at most {ceiling}; the task asks for {value}."


def _over(task: DjangoTask, ceilings: Ceilings) -> Iterator[tuple[str, object, object]]:
    """Each limit that the task is over: its name, what the task asks for, the ceiling."""
    ceiling: Any
    for field in BoundedPolicy.model_fields:
        value, ceiling = getattr(task.spec.policy, field, None), getattr(ceilings, field)
        if value is not None and ceiling is not None and value > ceiling:
            yield str(Ceilings.model_fields[field].alias), value, ceiling
    if ceilings.priority is not None and task.spec.priority > ceilings.priority:
        yield "a priority", task.spec.priority, ceilings.priority
    resources = task.spec.overrides.resources if task.spec.overrides else None
    for kind in ("requests", "limits"):
        for resource, amount in (getattr(resources, kind, None) or {}).items():
            ceiling = (ceilings.resources or {}).get(resource)
            if ceiling is None:
                continue
            asked = quantity(amount)
            if kind == "limits" and not asked and resource in UNLIMITED_AT_ZERO:
                yield f"{kind} of {resource}", f"{amount}, which is no limit", ceiling
            elif asked > quantity(ceiling):
                yield f"{kind} of {resource}", amount, ceiling


def quantity(text: str) -> Decimal:
    """Parse an amount such as 500m, 2Gi, 1e3."""
    number = text.rstrip("".join(sorted({*"".join(SUFFIXES)})))
    suffix = text.removeprefix(number)
    return Decimal(number) * SUFFIXES[suffix] if suffix in SUFFIXES else Decimal(text)
