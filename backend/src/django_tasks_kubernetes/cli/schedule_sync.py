"""sync, diff, yaml: what the project declares, beside what is in the cluster."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.tasks.exceptions import TaskException

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.schedule_session import Project, ScheduleSession
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.enqueue.bulk import SYSTEMIC
from django_tasks_kubernetes.presentation.text import safe, shortened
from django_tasks_kubernetes.schedules.sync import (
    Action,
    FieldChange,
    action_of,
    changes,
    is_applied,
    refusal,
    superseded,
    surplus,
)

VALUE_MAX_CHARS: Final = 200


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, or would be, to one schedule."""

    name: str
    action: Action
    changes: tuple[FieldChange, ...] = ()


def sync(session: ScheduleSession, project: Project, *, prune: bool, take_over: bool, dry_run: bool) -> int:
    """Applies all schedules that the project declares. `prune`: and deletes those that it no longer does."""
    output, worst, rows = session.output, int(Code.OK), []
    output.goes_on = True
    try:
        for step in _steps(session, project, prune=prune, take_over=take_over, dry_run=dry_run):
            if step.action is Action.REFUSED:
                worst = int(Code.FAILED)
            match output.format:
                case OutputFormat.JSON:
                    output.object(_record(step) | {"dry_run": dry_run})
                case OutputFormat.NAME:
                    output.line(f"djangotaskschedule.djangotasks.dev/{step.name}")
                case OutputFormat.TABLE | OutputFormat.WIDE:
                    paths = ", ".join(change.path for change in step.changes) if step.action is Action.CHANGED else ""
                    rows.append({"NAME": step.name, "ACTION": step.action, "CHANGES": paths})
    finally:
        # Also where it breaks off: what was done is done.
        if rows:
            output.renderer.table(rows)
    if not project.resources:
        output.note("The project declares no schedules." if not project.without_cluster else "Nothing is to be synced.")
    _note_without_cluster(session, project)
    if dry_run:
        output.note("Nothing was done (--dry-run).")
    return worst


def diff(session: ScheduleSession, project: Project, *, prune: bool) -> int:
    """Writes what sync would change; the code is FAILED where it would change anything, as of diff(1)."""
    output, differs = session.output, False
    for step in _steps(session, project, prune=prune, take_over=False, dry_run=True):
        if step.action is Action.UNCHANGED:
            continue
        differs = True
        if output.format is OutputFormat.JSON:
            output.object(_record(step))
            continue
        output.line(f"{step.name}: would be {step.action}")
        for change in step.changes:
            for sign, value in (("-", change.before), ("+", change.after)):
                if value is not None:
                    output.line(f"  {sign} {change.path}: {_shown(value)}")
    if not differs:
        output.note("No differences.")
    _note_without_cluster(session, project)
    return Code.FAILED if differs else Code.OK


def write_yaml(session: ScheduleSession, project: Project) -> int:
    """Writes the DjangoTaskSchedules, for kubectl and for GitOps."""
    import yaml  # comes with the official client; only needed here

    resources = [one for one in project.resources if one["metadata"]["name"] not in project.without_cluster]
    text = yaml.safe_dump_all(resources, sort_keys=False, allow_unicode=True, explicit_start=True)
    # YAML is UTF-8, whatever a terminal shows.
    session.output.raw(text.encode())
    _note_without_cluster(session, project)
    return Code.OK


def _note_without_cluster(session: ScheduleSession, project: Project) -> None:
    if project.without_cluster:
        names = ", ".join(sorted(project.without_cluster))
        session.output.note(
            f"The backends of these have no cluster, so that only `schedules loop` enqueues them: {names}. "
            "@task(backend=…) names another one."
        )


def _steps(
    session: ScheduleSession, project: Project, *, prune: bool, take_over: bool, dry_run: bool
) -> Iterator[Step]:
    found = {one["metadata"]["name"]: one for one in session.schedules.find()}
    is_whole = True
    for number, resource in enumerate(project.resources):
        name = resource["metadata"]["name"]
        before = found.get(name)
        problem = None if take_over else refusal(resource, before)
        try:
            without = superseded(resource, before)
            applied = before if not without and is_applied(resource, before) else None
            if applied is None and problem is None:
                applied = session.schedules.apply(resource, without=without, dry_run=dry_run)
        except SYSTEMIC:
            total = len(project.resources)
            session.output.note(f"It ends at {name}, with {total - number:,} of {total:,} schedules to go.")
            raise
        except TaskException as error:
            problem, applied = f"{name}: {error}", None
        if applied is None:
            session.output.note(str(problem))
            is_whole = False
            yield Step(name, Action.REFUSED)
            continue
        # Of a new one, what the code says, and not all that the server adds.
        new = changes({}, resource["spec"]) if before is None else changes(before["spec"], applied["spec"])
        yield Step(name, action_of(before, applied), tuple(new))
    names = {resource["metadata"]["name"] for resource in project.resources}
    # What has gone to another backend is left to a sync of all: here nobody knows in which namespace that one is.
    kept = names if project.aliases is None else names | project.elsewhere
    left = surplus(kept, found.values(), project.name, project.aliases)
    if prune and is_whole:
        for resource in left:
            yield _deleted(session, resource, dry_run=dry_run)
    elif left:
        # One that was renamed is two: without the new one, the old one is all that there is.
        why = "Nothing is deleted, since one was refused" if prune else "--prune deletes what the code does not declare"
        session.output.note(f"{why}: {', '.join(one['metadata']['name'] for one in left)}.")


def _deleted(session: ScheduleSession, resource: Resource, *, dry_run: bool) -> Step:
    name = resource["metadata"]["name"]
    try:
        session.schedules.delete(resource, dry_run=dry_run)
    except TaskException as error:
        session.output.note(f"{name}: {error}")
        return Step(name, Action.REFUSED)
    return Step(name, Action.DELETED)


def _record(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "action": step.action,
        "changes": {change.path: [change.before, change.after] for change in step.changes},
    }


def _shown(value: Any) -> str:
    return safe(shortened(value if isinstance(value, str) else json.dumps(value), VALUE_MAX_CHARS))
