"""Writes the tables of the reference from the code: `python -m docs.reference.generate [--check]`.

A page says <!-- table: NAME --> where a table begins, and <!-- end --> where it ends. All else is written by hand.
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that it can be run as a file, too
from djangotasks_api.schema import generate
from docs.reference import commands, python, resources

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# The backend's README is its page in the package index.
PAGES = (*sorted(HERE.glob("*.md")), ROOT / "backend" / "README.md")
TABLE = re.compile(r"(<!-- table: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)

TABLES: dict[str, Callable[[], str]] = {
    "options": python.options_table,
    "checks": python.checks_table,
    "verbs": python.verbs_table,
    "task-options": python.task_options_table,
    "schedule-options": python.schedule_options_table,
    "retry": python.retry_text,
    "methods": python.methods_text,
    "results": python.results_text,
    "chunks": python.chunks_text,
    "signals": python.signals_table,
    "context": python.context_text,
    "exceptions": python.exceptions_table,
    "phases": resources.phases_table,
    "reasons": resources.reasons_table,
    "skips": resources.skips_table,
    "operator-run": commands.command_table,
    "tasks": commands.tasks_table,
    "schedules": commands.schedules_table,
    "workflows": commands.workflows_table,
    "djangotask": resources.fields_table("djangotasks"),
    "djangotaskqueue": resources.fields_table("djangotaskqueues"),
    "djangotaskhold": resources.fields_table("djangotaskholds"),
    "djangotaskschedule": resources.fields_table("djangotaskschedules"),
    "columns": resources.columns_table("djangotasks"),
    "schedule-columns": resources.columns_table("djangotaskschedules"),
    "djangotaskworkflow": resources.fields_table("djangotaskworkflows"),
    "workflow-columns": resources.columns_table("djangotaskworkflows"),
    "workflow-api": python.workflows_text,
    "workflow-phases": resources.enum_table("WorkflowPhase", "phase"),
    "workflow-reasons": resources.enum_table("WorkflowReason", "reason"),
    "step-phases": resources.enum_table("StepPhase", "phase"),
    "step-reasons": resources.enum_table("StepReason", "reason"),
    "bounds": resources.bounds_table,
}


def fresh(text: str) -> str:
    """A blank line before the end, or Markdown takes that for a part of what comes before."""
    return TABLE.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}\n{match[3]}", text)


def files() -> dict[Path, str]:
    """Every page with the text that it must have."""
    return {page: fresh(page.read_text()) for page in PAGES}


def main() -> int:
    texts = files()
    used = {match[2] for text in texts.values() for match in TABLE.finditer(text)}
    if unused := TABLES.keys() - used:
        sys.stdout.write(f"no page has the tables {', '.join(sorted(unused))}\n")
    return generate(texts, __doc__) or int(bool(unused))


if __name__ == "__main__":
    sys.exit(main())
