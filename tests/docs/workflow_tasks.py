"""The tasks that pages about workflows speak of."""

from typing import Any

from django.tasks import task


@task
def extract(year: int) -> Any:
    return [{"id": number} for number in range(20)]


@task
def render(row: Any, *more: Any) -> str:
    return f"<p>{row}</p>"


@task
def publish(parts: Any, title: str = "") -> str:
    return f"{title} {parts}"


@task
def summarize(rows: Any) -> str:
    return str(rows)


@task
def resize(path: str, width: int) -> str:
    return f"{path}-{width}"


@task
def price(id_: int) -> int:
    return id_ * 100


@task
def total(prices: list[int]) -> int:
    return sum(prices)


@task
def fetch(url: str) -> Any:
    return ["a", "b"]


@task
def clean(row: Any) -> Any:
    return row


@task
def store(row: Any) -> Any:
    return row


@task
def count(rows: Any) -> int:
    return len(rows)


@task
def create(order: int) -> str:
    return f"machine-{order}"


@task
def configure(machine: str) -> str:
    return machine


@task
def alert(order: int) -> None:
    return None


@task
def destroy(order: int) -> None:
    return None


@task
def customer_ids(month: str) -> list[int]:
    return [1, 2, 3]


@task
def bind(pages: list[str]) -> str:
    return "".join(pages)
