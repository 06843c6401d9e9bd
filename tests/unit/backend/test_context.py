"""What a task reports by its context."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.utils.translation import gettext_lazy

from django_tasks_kubernetes import KubernetesTaskContext
from django_tasks_kubernetes.context import checked
from django_tasks_kubernetes.result import Progress
from django_tasks_kubernetes.testing import in_memory
from djangotasks_api.bounds import PROGRESS_MESSAGE_MAX_CHARS
from djangotasks_api.reports import ProgressReport
from tests.unit.backend import tasks
from tests.unit.backend.runner.test_progress import NOON, SAYS


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1,), (1, None, None)), ((0, 0), (0, 0, None)), ((5, 3), (5, 3, None)), ((0.5, 1), (0.5, 1, None)),
        ((None, None, "reading"), (None, None, "reading")), ((Decimal("1.5"), Fraction(3, 1)), (1.5, 3.0, None)),
        ((1, None, gettext_lazy("reading")), (1, None, "reading")), ((1, None, "\ud800"), (1, None, "\\ud800")),
        ((1, None, "x" * 300), (1, None, "x" * 255 + "…")), ((1, None, "é" * 256), (1, None, "é" * 256)),
        ((1, None, "\ud800" * 256), (1, None, ("\\ud800" * 256)[:256])), ((10**300,), (10**300, None, None)),
    ],
)  # fmt: skip
def test_progress_takes_numbers_and_text(given: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    found = checked(*given, *(None,) * (3 - len(given)))
    assert found == expected
    report = ProgressReport(started_at=NOON.isoformat(), done=found[0], total=found[1], message=found[2])
    assert ProgressReport.from_json(report.to_json()) == report
    assert len(found[2] or "") <= PROGRESS_MESSAGE_MAX_CHARS


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ((), TypeError, "needs done or message. To report only that the task is alive, call heartbeat"),
        ((None, 5), TypeError, "needs done or message"),
        (("1",), TypeError, r"progress\(done=…\) must be a number, not '1'"),
        ((True,), TypeError, "must be a number, not True"),
        ((1, [2]), TypeError, r"progress\(total=…\) must be a number"),
        ((1j,), TypeError, "must be a number"),
        ((-1,), ValueError, "must be a finite number from 0 on, not -1"),
        ((float("nan"),), ValueError, "must be a finite number"),
        ((1, float("inf")), ValueError, r"progress\(total=…\) must be a finite number"),
        ((10**400,), ValueError, "must be a finite number"),
        ((Decimal("NaN"),), ValueError, "must be a finite number"),
        ((1, 2, b"reading"), TypeError, r"progress\(message=…\) must be a string, not b'reading'"),
    ],
)  # fmt: skip
def test_progress_refuses_other_values(given: tuple[Any, ...], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        checked(*given, *(None,) * (3 - len(given)))


def ran(task: Any, *calls: Any, **kwargs: Any) -> tuple[Any, list[Progress]]:
    """The result in memory, and all that was said."""
    with in_memory() as cluster:
        result = task.enqueue(*calls, **kwargs)
        cluster.run_pending()
        result.refresh()
        return result, cluster.progress(result.id)


def test_progress_in_memory() -> None:
    result, said = ran(SAYS, "heartbeat", [1, 3], [2, 3, "half"], "heartbeat")
    assert [(p.done, p.total, p.message) for p in said] == [
        (None, None, None), (1, 3, None), (2, 3, "half"), (2, 3, "half"),
    ]  # fmt: skip
    assert result.return_value == "x"
    assert (result.progress.done, result.progress.message, result.progress.percent) == (2, "half", 67)
    assert result.progress.updated_at <= result.finished_at


def test_progress_of_a_failed_task() -> None:
    result, _ = ran(SAYS, [1, 3], fail=True)
    assert (result.status, result.progress.done) == ("FAILED", 1)


def test_progress_of_a_task_without_reports() -> None:
    result, said = ran(SAYS)
    assert (result.progress, said) == (None, [])


def test_progress_of_an_async_task() -> None:
    result, said = ran(tasks.async_says_progress, [1, 2], [2, 2])
    assert (result.progress.percent, len(said)) == (100, 5)


def test_progress_with_a_wrong_value_fails_the_task() -> None:
    result, _ = ran(SAYS, ["many"])
    assert "must be a number, not 'many'" in result.errors[0].traceback
    assert "says_progress" in result.errors[0].traceback


def test_context_is_a_kubernetes_task_context() -> None:
    shown = repr(KubernetesTaskContext(task_result=None, _attempt=None))  # type: ignore[arg-type]
    assert shown == "KubernetesTaskContext(task_result=None)"
