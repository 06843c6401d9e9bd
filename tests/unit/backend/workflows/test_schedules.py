"""@schedule above @workflow: what is declared, and what runs without a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.tasks import task, task_backends
from django.test import override_settings

from django_tasks_kubernetes.beat import enqueue
from django_tasks_kubernetes.cli import schedule_verbs
from django_tasks_kubernetes.cli.output import OutputFormat
from django_tasks_kubernetes.conf import Options
from django_tasks_kubernetes.exceptions import WorkflowFailed
from django_tasks_kubernetes.presentation.schedule_rows import columns
from django_tasks_kubernetes.schedules import declare, schedule
from django_tasks_kubernetes.schedules.manifest import resource_of
from django_tasks_kubernetes.schedules.problems import problems_of
from django_tasks_kubernetes.schedules.registry import Registry
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.testing import schedules as virtual
from django_tasks_kubernetes.workflows import ALWAYS, each, step, workflow
from djangotasks_api.models import DjangoTaskSchedule
from tests.unit.backend.schedule_resources import FakeTasks, session
from tests.unit.backend.workflows.flows import LOCAL, note, render, total

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
SLOT = "report-202611291300"
DECLARE: Any = declare


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    found = Registry()
    monkeypatch.setattr(declare, "declared", found)
    monkeypatch.setattr(virtual, "declared", found)
    with override_settings(TASKS=LOCAL):
        yield found


@task(takes_context=True)
def says_when(context: Any) -> str:
    at: datetime = context.scheduled_for
    return at.isoformat()


@workflow(timeout=timedelta(hours=1))
def report(rows: int = 2) -> dict[str, object]:
    step(says_when, name="when")()
    return step(total)(each(render, [f"row-{number}" for number in range(rows)]))


def declared(found: Any = report, **options: Any) -> Any:
    schedule("0 * * * *", **{"name": "report", "timezone": "UTC"} | options)(found)
    return list(DECLARE.declared)[-1]


def test_the_resource_has_the_drawn_workflow() -> None:
    resource = resource_of(declared(args=[3]), "shop", Options())
    DjangoTaskSchedule.model_validate(resource)
    spec = resource["spec"]["workflow"]
    assert spec["workflow"].endswith("test_schedules.report")
    assert spec["policy"] == {"timeoutSeconds": 3600}
    assert spec["lists"] == [{"name": "list-1", "items": '["row-0","row-1","row-2"]'}]
    assert "task" not in resource["spec"]
    assert columns(resource, NOON, wide=True, namespaces=False)["TASK"] == spec["workflow"]


def test_the_default_name_leaves_room_for_the_time_and_the_steps() -> None:
    schedule("0 * * * *")(report)
    (found,) = DECLARE.declared
    assert len(found.name) <= 23
    assert list(problems_of([found], lambda alias: Options())) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "a-name-of-twenty-four-ch"}, "23 at most"),
        ({"args": [1, 2]}, "do not fit"),
    ],
)
def test_what_is_wrong_is_said(options: dict[str, Any], words: str) -> None:
    if "args" in options:
        with pytest.raises(TypeError, match=words):
            declared(**options)
    else:
        (problem,) = problems_of([declared(**options)], lambda alias: Options())
        assert words in problem.text


def test_a_workflow_that_cannot_be_drawn_is_a_problem() -> None:
    @workflow
    def broken() -> None:
        raise LookupError("no such thing")

    @workflow
    def nothing() -> None: ...

    found = [problem.text for one in (broken, nothing) for problem in problems_of([declared(one)], lambda _: Options())]
    assert found[0] == "It cannot be drawn: LookupError: no such thing"
    assert "draws no step" in found[1]
    (key,) = problems_of([declared(report.using(idempotency_key="k"))], lambda _: Options())
    assert "must have no idempotency_key" in key.text


def test_tick_runs_a_workflow_when_it_is_due() -> None:
    declared()
    with in_memory(now=NOON) as cluster:
        assert cluster.tick(timedelta(hours=2)) == []
        first, second = cluster.workflow_results
        assert (first.id, second.id) == (SLOT, "report-202611291400")
        assert first.get() == {"title": "", "sum": 1}
        assert first.task_result("when").return_value == "2026-11-29T13:00:00+00:00"


def test_a_retry_stands_for_the_time_of_the_first() -> None:
    """Its tasks saw another time: https://github.com/argoproj/argo-workflows/issues/11488."""
    declared()
    with in_memory(now=NOON) as cluster:
        cluster.tick(timedelta(hours=1), run=False)
        (first,) = cluster.workflow_results
        cluster.fail(f"{SLOT}-when", "OOMKilled")
        with pytest.raises(WorkflowFailed):
            first.get()
        again = first.retry()
        again.wait()
        assert again.task_result("when").return_value == "2026-11-29T13:00:00+00:00"


@pytest.mark.parametrize(
    ("policy", "phases"),
    [("Forbid", ["Running"]), ("Allow", ["Running", "Running"]), ("Replace", ["Cancelled", "Running"])],
)
def test_policies_go_by_workflows(policy: str, phases: list[str]) -> None:
    declared(concurrency_policy=policy)
    with in_memory(now=NOON) as cluster:
        cluster.tick(timedelta(hours=1), run=False)
        cluster.workflows.advance()
        cluster.tick(timedelta(hours=1), run=False)
        cluster.workflows.advance()
        assert [str(found.phase) for found in cluster.workflow_results] == phases


def test_a_workflow_is_replaced_once_its_clean_up_is_over() -> None:
    @workflow
    def cleaned() -> None:
        first = step(note)(1)
        step(note, runs=ALWAYS, after=first, name="clean")(2)

    declared(cleaned, concurrency_policy="Replace")
    with in_memory(now=NOON) as cluster:
        cluster.tick(timedelta(hours=1), run=False)
        cluster.workflows.advance()
        cluster.tick(timedelta(hours=1), run=False)
        assert [str(found.phase) for found in cluster.workflow_results] == ["Running"]
        cluster.tick(timedelta())
        assert [str(found.phase) for found in cluster.workflow_results] == ["Cancelled", "Succeeded"]


def test_the_loop_enqueues_it_under_the_name_of_its_time() -> None:
    backend: Any = task_backends["default"]
    backend.clear()
    result = enqueue(declared(), NOON + timedelta(hours=1))
    assert result.id == SLOT
    assert backend.get_workflow(SLOT).get() == {"title": "", "sum": 1}


def test_run_and_backfill_create_workflows() -> None:
    tasks = FakeTasks("report-202611290100")
    resource = resource_of(declared(), "shop", Options())
    resource["metadata"]["uid"] = "u"
    given = session(resource, tasks=tasks, format_=OutputFormat.NAME)
    assert schedule_verbs.run(given, ["report"]) == 0
    times = {"begin": "2026-11-29T00:00Z", "end": "2026-11-29T02:00Z"}
    assert schedule_verbs.backfill(given, "report", **times, limit=10, dry_run=False, yes=True) == 0
    assert [made["kind"] for made in tasks.created] == ["DjangoTaskWorkflow"] * 3
    assert [made["metadata"]["name"] for made in tasks.created][1:] == ["report-202611290000", "report-202611290200"]
    assert given.out.splitlines()[1:] == [
        f"djangotaskworkflow.djangotasks.dev/report-20261129{hour:02}00" for hour in range(3)
    ]
