"""What is done to many, one after the other."""

from django_tasks_kubernetes.admin import many
from django_tasks_kubernetes.admin.actions import Done
from django_tasks_kubernetes.enqueue.bulk import CONCURRENCY
from django_tasks_kubernetes.exceptions import ApiUnavailable


def test_an_error_that_all_would_meet_ends_it() -> None:
    calls = []

    def one(pk: str) -> Done:
        calls.append(pk)
        raise ApiUnavailable("away")

    report = many.do_all([str(number) for number in range(1000)], one)
    assert len(calls) <= CONCURRENCY
    assert set(report.failed.values()) == {"away"}
    assert len(report.failed) + len(report.to_do) == 1000
