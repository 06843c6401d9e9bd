"""What of a project's schedules differs from those in the cluster. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.tasks import DEFAULT_TASK_BACKEND_ALIAS

from django_tasks_kubernetes.codec.resource import Resource
from djangotasks_api.names import DECLARED_BY_LABEL


class Action(StrEnum):
    """What becomes of a schedule."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field of the spec, before and after; None where it is not set."""

    path: str
    before: Any
    after: Any


def declared_by(resource: Resource) -> str | None:
    """The project that has declared it; None where it was made in another way."""
    found: str | None = (resource["metadata"].get("labels") or {}).get(DECLARED_BY_LABEL)
    return found


def refusal(wanted: Resource, found: Resource | None) -> str | None:
    """Why a schedule that is there must not be replaced: it is another project's, or a person's."""
    if found is None or (owner := declared_by(found)) == declared_by(wanted):
        return None
    whose = f"is declared by {owner!r}" if owner else "was not made by `schedules sync`"
    return (
        f"The DjangoTaskSchedule {wanted['metadata']['name']} exists, and {whose}. Give yours another name, or take "
        "it over with --take-over."
    )


def action_of(found: Resource | None, applied: Resource) -> Action:
    """`applied`: as the server has answered."""
    if found is None:
        return Action.CREATED
    same = found["spec"] == applied["spec"] and declared_by(found) == declared_by(applied)
    return Action.UNCHANGED if same else Action.CHANGED


def surplus(
    names: Collection[str], found: Iterable[Resource], project: str, aliases: Collection[str] | None = None
) -> list[Resource]:
    """Those that the project has declared once, and no longer does. `names`: of those that it declares. `aliases`: of
    these backends alone."""
    return [
        one
        for one in found
        if declared_by(one) == project
        and one["metadata"]["name"] not in names
        and (aliases is None or backend_of(one) in aliases)
    ]


def backend_of(resource: Resource) -> str:
    """The alias of the backend of what it creates."""
    spec = resource["spec"]
    found: str = (spec.get("task") or spec.get("workflow") or {}).get("backend", DEFAULT_TASK_BACKEND_ALIAS)
    return found


def changes(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[FieldChange]:
    """The fields of two specs that differ, with the paths to them."""
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from changes(old, new, f"{path}{name}.")
        else:
            yield FieldChange(f"{path}{name}", old, new)
