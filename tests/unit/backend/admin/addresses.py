"""The addresses of the pages, as the URL conf has them: a new page is in them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import admin
from django.urls import URLPattern, reverse

from tests.unit.backend.admin.whole_cluster import HOLDS, NAMES, QUEUES, SCHEDULES, TASKS, WORKFLOWS
from tests.unit.backend.admin.whole_project import ROW

APP = "django_tasks_kubernetes"
# Of the object that a page is about, by the model's name.
OBJECTS = {
    "task": NAMES[TASKS], "queue": NAMES[QUEUES], "schedule": NAMES[SCHEDULES], "workflow": NAMES[WORKFLOWS],
    "taskhistory": ROW, "outboxtask": ROW, "taskend": ROW,
}  # fmt: skip
assert NAMES[HOLDS] == NAMES[QUEUES]


@dataclass(frozen=True, slots=True)
class Address:
    name: str
    """Of the URL, without that of the app: task_overview."""

    path: str

    @property
    def is_of_object(self) -> bool:
        """Whether it is about one object."""
        return any(f"/{name}/" in self.path for name in OBJECTS.values())


def addresses() -> Iterator[Address]:
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != APP:
            continue
        object_id = OBJECTS[str(model._meta.model_name)]
        for pattern in model_admin.get_urls():
            assert isinstance(pattern, URLPattern)
            # The one without a name is Django's, and leads to the page of the object.
            if pattern.name is not None:
                arguments = [object_id] * len(pattern.pattern.converters)
                yield Address(pattern.name.removeprefix(f"{APP}_"), reverse(f"admin:{pattern.name}", args=arguments))


ADDRESSES = tuple(addresses())
