"""Tasks and workflows for these tests."""

from __future__ import annotations

from django.tasks import task

LOCAL = {"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend", "QUEUES": ["default"]}}


@task
def extract(year: int) -> list[str]:
    return [f"{year}-{number}" for number in range(3)]


@task
def render(row: str) -> int:
    return int(row.rpartition("-")[2])


@task
async def arender(row: str) -> int:
    return len(row)


@task
def add(a: int, b: int) -> int:
    return a + b


@task
def total(parts: list[int], *, title: str = "") -> dict[str, object]:
    return {"title": title, "sum": sum(part or 0 for part in parts)}


@task
def fail(message: str = "no") -> int:
    raise ValueError(message)


@task
def fail_on(row: int, bad: int) -> int:
    if row == bad:
        raise ValueError("bad")
    return row


@task
def note(value: object) -> object:
    return value


@task
def total_of(parts: list[int]) -> int:
    return sum(parts)
