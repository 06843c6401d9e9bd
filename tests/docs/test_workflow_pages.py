"""The Python of the pages about workflows runs: each workflow that a page draws is enqueued, and succeeds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.tasks import task, task_backends

from django_tasks_kubernetes import workflows
from django_tasks_kubernetes.testing import in_memory
from django_tasks_kubernetes.workflows import Workflow
from tests.docs import workflow_tasks
from tests.docs.markdown import Block, blocks
from tools.cluster import ROOT

# What the function of each workflow is called with.
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "report": (2026,),
    "thumbnails": ("a.png",),
    "basket": ([7, 8],),
    "import_all": ("https://example.com",),
    "provision": (17,),
    "monthly": ("2026-10",),
}
# Blocks that need a project of their own.
NEEDS_A_PROJECT = ("Shop.objects", "Order.objects", "result.retry()")


def found(name: str) -> list[Any]:
    page = ROOT / "docs" / name
    return [
        pytest.param(block, id=f"{page.stem}:{block.line}")
        for block in blocks(page.read_text())
        if block.language == "python"
        and not block.text.startswith("# Celery")
        and not any(words in block.text for words in NEEDS_A_PROJECT)
    ]


def names() -> dict[str, Any]:
    """What a block may use: the tasks, what a block before has imported, and a workflow that was enqueued."""
    tasks = {name: value for name, value in vars(workflow_tasks).items() if not name.startswith("_")}
    public = {name: getattr(workflows, name) for name in workflows.__all__}
    return tasks | public | {"task": task, "timedelta": timedelta, "__name__": "page"}


@pytest.mark.parametrize("block", [*found("how-to/workflows.md"), *found("how-to/from-celery-canvas.md")])
def test_what_a_page_draws_runs(block: Block) -> None:
    given = names()
    with in_memory() as cluster:
        exec(PRELUDE, given)
        cluster.run_pending()
        exec(compile(block.text, f"line {block.line}", "exec"), given)
        for name, value in given.items():
            if isinstance(value, Workflow) and name in ARGUMENTS:
                value.enqueue(*ARGUMENTS[name])
        cluster.run_pending()
        ended = {name: one["status"] for name, one in cluster.workflows.resources.items()}
        assert ended
        assert {status["phase"] for status in ended.values()} <= {"Succeeded", "Cancelled"}, ended


# What pages take as read: a workflow, and its id.
PRELUDE = """
@workflow
def report(year: int):
    return step(publish)(each(render, step(extract)(year)))


@workflow
def provision(order: int):
    return step(configure)(step(create)(order))


workflow_id = report.enqueue(2026).id
"""


def test_the_task_backend_of_these_tests_runs_workflows() -> None:
    with in_memory():
        assert hasattr(task_backends["default"], "get_workflow")
