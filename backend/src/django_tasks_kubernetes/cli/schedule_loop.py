"""loop: a beat for development."""

from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.cli.schedule_session import Project, ScheduleSession
from django_tasks_kubernetes.cli.session import Code


def loop(session: ScheduleSession, project: Project) -> int:
    """Enqueues the tasks of the project's schedules at their times, until Ctrl-C."""
    output = session.output
    if not project.resources:
        output.note("The project declares no schedules.")
        return Code.OK
    names = ", ".join(resource["metadata"]["name"] for resource in project.resources)
    output.note(f"Schedules: {names}. Ctrl-C ends it.")
    for one in project.loop():
        at = one.scheduled_for
        if output.format is OutputFormat.JSON:
            said = {"schedule": one.schedule, "scheduled_for": at.isoformat(), "id": one.id, "problem": one.problem}
            output.object(said)
        else:
            end = f"enqueued as {one.id}" if one.id is not None else f"not enqueued: {one.problem}"
            output.line(f"{at.isoformat(timespec='minutes')} {one.schedule}: {end}")
    output.note("None of them is due any more.")
    return Code.OK
