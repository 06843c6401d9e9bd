"""Workflows: graphs of tasks that are enqueued as a whole.

    from django_tasks_kubernetes.workflows import ALWAYS, each, step, workflow

    @workflow
    def report(year: int) -> str:
        rows = step(extract)(year)
        parts = each(render, rows, max_parallel=20)
        return step(publish)(parts, title=f"Report {year}")

    result = report.enqueue(2026)

The function is called once, by enqueue(), to draw the graph: what step() and each() return is known when it has run.
"""

from django_tasks_kubernetes.workflows.canvas import call, chain, group
from django_tasks_kubernetes.workflows.declare import Workflow, workflow
from django_tasks_kubernetes.workflows.steps import each, step
from djangotasks_api.workflow.graph import Runs

ON_SUCCESS = Runs.ON_SUCCESS
ON_FAILURE = Runs.ON_FAILURE
ALWAYS = Runs.ALWAYS

__all__ = [
    "ALWAYS",
    "ON_FAILURE",
    "ON_SUCCESS",
    "Runs",
    "Workflow",
    "call",
    "chain",
    "each",
    "group",
    "step",
    "workflow",
]
