"""start-cost: where the time goes that each task of a project pays before and after its own code."""

import os
import subprocess
import sys
import time
from statistics import median
from typing import Final

from django_tasks_kubernetes.bytecode import REMEDY, SLOW, is_compiled
from django_tasks_kubernetes.cli.output import Output, OutputFormat
from django_tasks_kubernetes.cli.session import Code
from django_tasks_kubernetes.cli.verb import Given, Option, Verb
from django_tasks_kubernetes.presentation.filters import UsageError
from django_tasks_kubernetes.presentation.start_costs import (
    IMPORT,
    MARK,
    Costs,
    NotMeasured,
    columns,
    medians,
    parsed,
    record,
    shown,
)

PROBE: Final = ("-m", "django_tasks_kubernetes.runner.start_probe")
TRACED: Final = ("-X", "importtime")
RUNS: Final = 5
LIMIT: Final = 15


class ProbeFailed(Exception):
    """The process ended with an error: its words."""


def start_cost(output: Output, task: str | None, *, runs: int, limit: int) -> int:
    """Writes what a task's process does, the dearest part first."""
    if not os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise UsageError("Name the settings with DJANGO_SETTINGS_MODULE or --settings: another process loads them.")
    traced, plain = [], []
    try:
        probe(task)  # reads files into memory, and makes the bytecode that this machine may keep
        for _ in range(runs):
            traced.append(probe(task, *TRACED)[0])
            plain.append(probe(task)[1])
    except ProbeFailed as error:
        output.note(str(error))
        return Code.FAILED
    if not is_compiled():
        output.note(f"{SLOW} {REMEDY}")
    costs = medians(traced)
    total = sum(cost.ms for cost in costs.values())
    match output.format:
        case OutputFormat.JSON:
            for name, cost in shown(costs, limit).items():
                output.object(record(name, cost))
            whole = {"ms": median(plain), "least_ms": min(plain), "most_ms": max(plain), "runs": runs}
            output.object({"part": "total"} | {name: round(value, 3) for name, value in whole.items()})
        case _:
            output.renderer.table(list(columns(shown(costs, limit), total)))
            output.line("")
            output.line(summary(total, plain))
    return Code.OK


def summary(traced: float, plain: list[float]) -> str:
    """What the figures are worth. `traced`: ms of all parts together. `plain`: of each process that was not traced."""
    return (
        f"A process takes {median(plain):.0f} ms from its start to its end, without the task's own code and without "
        f"the container ({min(plain):.0f} to {max(plain):.0f} ms in {len(plain)} runs). The parts are medians of as "
        f"many runs under python -X importtime, which takes time too: together they are {traced:.0f} ms. Differences "
        "within the spread are noise, and in a container with a CPU limit all is slower."
    )


def probe(task: str | None, *flags: str) -> tuple[Costs, float]:
    """Starts a process: what its parts cost, and ms until it had ended. Raises ProbeFailed."""
    # As the project's code is found here: manage.py's folder, and --pythonpath.
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    began = time.monotonic()
    child = subprocess.run(  # noqa: S603 - this Python, and a path that can only be imported
        [sys.executable, *flags, *PROBE, MARK, str(began), *([task] if task else [])],
        env=environ,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    ended = time.monotonic()
    lines = child.stderr.splitlines()
    try:
        if child.returncode == 0:
            return parsed(lines, ended), (ended - began) * 1000
    except NotMeasured:
        pass
    words = "\n".join(line for line in lines if not (line.startswith(MARK) or IMPORT.match(line)))
    raise ProbeFailed(f"The process did not come to the task. It ended with {child.returncode}, and said:\n{words}")


def _start_cost(output: Output, given: Given) -> int:
    return start_cost(output, given["task"], runs=given["runs"], limit=given["limit"])


PROJECT_VERBS: Final[tuple[Verb[Output], ...]] = (
    Verb(
        name="start-cost",
        text="show what a task's process spends its time on before and after the task: imports, settings, ready()",
        run=_start_cost,
        options=(
            Option(name="task", metavar="PATH", text="and what this task's module imports, such as shop.tasks.send"),
            Option(name="runs", kind=int, least=1, metavar="N", default=RUNS, text="of each kind"),
            Option(name="limit", kind=int, least=0, metavar="N", default=LIMIT, text="at most so many; 0 for all"),
        ),
        formats=(OutputFormat.JSON,),
        needs_project=True,
        needs_cluster=False,
    ),
)
