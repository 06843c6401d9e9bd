"""What of a project's schedules differs from those in the cluster. Pure."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.tasks import DEFAULT_TASK_BACKEND_ALIAS

from django_tasks_kubernetes.codec.resource import Resource, merge
from django_tasks_kubernetes.stores.schedules import SYNC_MANAGER
from djangotasks_api.names import DECLARED_BY_LABEL

# Of two fields one alone may be set, also where somebody has set the other by hand.
EXCLUSIVE: Final = (("cron", "everyMinutes"), ("everyMinutes", "cron"), ("task", "workflow"), ("workflow", "task"))
# A person's, also where it is set in Git.
LEFT_ALONE: Final = {"suspended"}


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
    whose = (
        f"is declared by {owner!r}. If that is this project, as its chart's release is, say --declared-by {owner}. "
        "If not"
        if owner
        else "was not made by `schedules sync`. If you need both"
    )
    return (
        f"The DjangoTaskSchedule {wanted['metadata']['name']} exists, and {whose}, give yours another name. Or take it "
        "over with --take-over."
    )


def superseded(wanted: Resource, found: Resource | None) -> dict[str, Any]:
    """The fields of the spec that a server-side apply of `wanted` would leave, and must not, each with None: those that
    an earlier version of the code has set by another way than sync, such as `kubectl apply` of `schedules yaml`, and
    those that exclude one of the code."""
    if found is None:
        return {}
    spec, gone = wanted["spec"], dict[str, Any]()
    for entry in found["metadata"].get("managedFields") or ():
        if _declares(entry):
            merge(gone, _dropped(entry["fieldsV1"].get("f:spec") or {}, spec))
    gone |= {other: None for one, other in EXCLUSIVE if one in spec and other in found["spec"]}
    return {name: value for name, value in gone.items() if name not in LEFT_ALONE}


def _declares(entry: Mapping[str, Any]) -> bool:
    """Whether the manager of these fields has set what the code said: it has set the label too, as no person does."""
    if entry.get("subresource"):
        return False
    labels = entry["fieldsV1"].get("f:metadata", {}).get("f:labels", {})
    return entry.get("manager") == SYNC_MANAGER or f"f:{DECLARED_BY_LABEL}" in labels


def _dropped(owned: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The owned fields that are not wanted. Items of lists go with their list."""
    dropped: dict[str, Any] = {}
    for key, inner in owned.items():
        name = key.removeprefix("f:")
        if name == key:
            continue
        if name not in wanted:
            dropped[name] = None
        elif isinstance(wanted[name], Mapping) and (nested := _dropped(inner, wanted[name])):
            dropped[name] = nested
    return dropped


def is_applied(wanted: Resource, found: Resource | None) -> bool:
    """Whether an apply would change nothing: sync has set all that the code says, and nobody has changed it since. Of
    thousands of schedules a deploy changes few, and each apply waits for the webhooks of the cluster."""
    said = {"metadata": {"labels": wanted["metadata"]["labels"]}, "spec": wanted["spec"]}
    if found is None or not _says(found, said):
        return False
    return any(
        entry.get("manager") == SYNC_MANAGER
        and entry.get("operation") == "Apply"
        and entry.get("apiVersion") == wanted["apiVersion"]
        and _owns(entry["fieldsV1"], said)
        for entry in found["metadata"].get("managedFields") or ()
    )


def _says(found: Any, wanted: Any) -> bool:
    if not (isinstance(found, Mapping) and isinstance(wanted, Mapping)):
        return bool(found == wanted)
    return all(name in found and _says(found[name], value) for name, value in wanted.items())


def _owns(owned: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether all of `wanted` is among the owned fields; for what is owned as a whole this says that it is not."""
    return all(
        (inner := owned.get(f"f:{name}")) is not None and (not isinstance(value, Mapping) or _owns(inner, value))
        for name, value in wanted.items()
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
