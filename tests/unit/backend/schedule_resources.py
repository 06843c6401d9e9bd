"""DjangoTaskSchedules as the API server gives them, and a session without one."""

import io
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from django_tasks_kubernetes.cli.output import Output, OutputFormat
from django_tasks_kubernetes.cli.schedule_session import Enqueued, Project, ScheduleSession
from django_tasks_kubernetes.codec.resource import Resource
from django_tasks_kubernetes.exceptions import ScheduleDoesNotExist, ScheduleRefused


def schedule_resource(
    name: str = "nightly", *, project: str | None = "shop", status: Any = None, **spec: Any
) -> Resource:
    fixed = {
        "cron": ["0 2 * * *"],
        "timeZone": "Europe/Berlin",
        "task": {"task": "shop.tasks.nightly", "queue": "mail"},
    }
    made: Resource = {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskSchedule",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "labels": {}},
        "spec": {field: value for field, value in (fixed | spec).items() if value is not None},
    }
    if project is not None:
        made["metadata"]["labels"] = {"djangotasks.dev/declared-by": project}
    return made if status is None else made | {"status": status}


class FakeSchedules:
    """Those that there are. What is named `refused` is not taken, and what is named `held` not deleted."""

    def __init__(self, *resources: Resource) -> None:
        self.resources = {one["metadata"]["name"]: one for one in resources}
        self.done: list[tuple[str, str]] = []

    def get(self, name: str) -> Resource:
        if name not in self.resources:
            raise ScheduleDoesNotExist(f"There is no schedule {name!r} in namespace shop.")
        return self.resources[name]

    def find(self) -> Iterable[Resource]:
        return list(self.resources.values())

    def suspend(self, name: str, suspended: bool) -> Resource:
        changed = deepcopy(self.get(name))
        changed["spec"]["suspended"] = suspended
        self.done.append(("suspend" if suspended else "resume", name))
        return changed

    def apply(self, resource: Resource, *, without: Any, dry_run: bool) -> Resource:
        name = resource["metadata"]["name"]
        if name == "refused":
            raise ScheduleRefused("spec.cron is wrong")
        before: Resource = self.resources.get(name, {"spec": {}})
        applied: Resource = deepcopy(resource) | {"spec": before["spec"] | {"catchUp": "Latest"} | resource["spec"]}
        if not dry_run:
            self.done.append(("apply", name))
            self.resources[name] = applied
        return applied

    def delete(self, resource: Resource, *, dry_run: bool) -> None:
        if resource["metadata"]["name"] == "held":
            raise ScheduleRefused("denied by a policy")
        if not dry_run:
            self.done.append(("delete", resource["metadata"]["name"]))
            del self.resources[resource["metadata"]["name"]]


class FakeTasks:
    """Those that there are, and what was created."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.created: list[Resource] = []

    def create(self, resource: Resource) -> str:
        self.created.append(resource)
        name: str = resource["metadata"]["name"]
        if name.startswith("refused-"):
            raise ScheduleRefused("no quota")
        return name

    def exists(self, resource: Resource) -> bool:
        return resource["metadata"]["name"] in self.names


class RecordedSchedules(ScheduleSession):
    """A session whose output is kept."""

    schedules: FakeSchedules
    tasks: FakeTasks

    @property
    def out(self) -> str:
        return written(self.output.stdout)

    @property
    def err(self) -> str:
        return written(self.output.stderr)


def written(buffer: Any) -> str:
    text: str = buffer.getvalue()
    return text


def session(
    *resources: Resource, tasks: FakeTasks | None = None, format_: OutputFormat = OutputFormat.TABLE
) -> RecordedSchedules:
    output = Output(format=format_, stdout=io.StringIO(), stderr=io.StringIO(), color=False)
    return RecordedSchedules(schedules=FakeSchedules(*resources), tasks=tasks or FakeTasks(), output=output)


def project(*resources: Resource, name: str = "shop", enqueued: Iterable[Enqueued] = ()) -> Project:
    def loop() -> Iterator[Enqueued]:
        yield from enqueued

    return Project(name=name, resources=resources, loop=loop)
