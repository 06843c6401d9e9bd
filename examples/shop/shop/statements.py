"""The monthly report: a statement for each customer, and all of them in one file. A workflow.

A statement is written by a pod of its own, so one customer with a million orders needs no more memory than its own pod
has, and one whose data is wrong is named by its own task.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import TypedDict

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import send_mail
from django.db.models import QuerySet
from django.tasks import task

from django_tasks_kubernetes.workflows import ALWAYS, ON_FAILURE, each, step, workflow

from .models import Order

OFFICE = "office@example.com"


class Statement(TypedDict):
    total: str
    """In euro, as text: a JSON number would lose cents."""
    text: str


class Summary(TypedDict):
    statements: int
    total: str
    file: str


@workflow(queue_name="reports", timeout=timedelta(hours=1))
def monthly_report(month: str) -> Summary:
    """`month`: such as 2026-10."""
    customers = step(find_customers, name="customers")(month)
    statements = each(write_statement, customers, month, name="statement", max_parallel=4)
    summary = step(publish)(statements, month)
    step(alert, runs=ON_FAILURE, after=summary)(month)
    step(remove_draft, runs=ALWAYS, after=summary)(month)
    return summary


@task(queue_name="reports")
def find_customers(month: str) -> list[str]:
    return list(_orders(month).values_list("customer", flat=True).distinct().order_by("customer"))


@task(queue_name="reports")
def write_statement(customer: str, month: str) -> Statement:
    orders = list(_orders(month).filter(customer=customer).order_by("number"))
    if nowhere := [order.number for order in orders if not order.email]:
        raise ValueError(f"{customer} has no e-mail address: {', '.join(nowhere)}")
    print(f"{customer}: {len(orders)} orders")
    lines = [customer, *(f"{order.number}  {order.amount:.2f}" for order in orders)]
    return {"total": f"{sum((order.amount for order in orders), Decimal()):.2f}", "text": "\n".join(lines)}


@task(queue_name="reports")
def publish(statements: list[Statement], month: str) -> Summary:
    """Makes one file of the statements, in the order of the customers: a draft first, so that half a report is none."""
    name, draft = f"statements/{month}.txt", _draft(month)
    default_storage.delete(draft)
    default_storage.save(draft, ContentFile("\n\n".join(one["text"] for one in statements).encode()))
    default_storage.delete(name)
    with default_storage.open(draft) as file:
        default_storage.save(name, file)
    total = sum((Decimal(one["total"]) for one in statements), Decimal())
    return {"statements": len(statements), "total": f"{total:.2f}", "file": name}


@task(queue_name="mail")
def alert(month: str) -> None:
    send_mail(f"No monthly report for {month}", "kubectl djangotask workflows list --status failed", None, [OFFICE])


@task
def remove_draft(month: str) -> bool:
    """Removes what publish() has left, however it ended. Returns whether there was something."""
    found = default_storage.exists(_draft(month))
    default_storage.delete(_draft(month))
    return found


def _orders(month: str) -> "QuerySet[Order]":
    first = date.fromisoformat(f"{month}-01")
    return Order.objects.filter(placed_at__year=first.year, placed_at__month=first.month)


def _draft(month: str) -> str:
    return f"statements/{month}.txt.draft"
