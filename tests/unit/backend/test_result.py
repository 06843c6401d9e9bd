"""What a result does beyond Django's."""

from dataclasses import fields

import pytest

from django_tasks_kubernetes.result import REFRESHED, KubernetesResult, Progress
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks
from tests.unit.backend.runner.test_progress import NOON


def test_refresh_copies_all_fields_that_change() -> None:
    given_by_enqueue = {"task", "id", "args", "kwargs", "backend"}
    assert {field.name for field in fields(KubernetesResult)} - REFRESHED == given_by_enqueue


def test_refreshed_result_equals_the_one_that_is_read() -> None:
    with in_memory() as cluster:
        result = tasks.fails.enqueue("no")
        assert isinstance(result, KubernetesResult)
        (done,) = cluster.run_pending()
        result.refresh()
        assert result == done


@pytest.mark.parametrize(
    ("done", "total", "fraction", "percent"),
    [(1, 4, 0.25, 25), (3, 2, 1.0, 100), (0, 0, 1.0, 100), (999, 1000, 0.999, 99), (1, None, None, None), (None, None, None, None)],
)  # fmt: skip
def test_progress_has_a_fraction_and_a_percentage(
    done: float | None, total: float | None, fraction: float | None, percent: int | None
) -> None:
    found = Progress(done=done, total=total, updated_at=NOON)
    assert (found.fraction, found.percent) == (fraction, percent)
