"""Reports, made in a pod of their own, with the memory that they need."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

from django.tasks import task

from django_tasks_kubernetes import KubernetesTaskContext

from .models import Report
from .summary import summarise

# A call costs microseconds, and a row hardly more.
ROWS_BETWEEN = 1000


@task(queue_name="reports", takes_context=True)  # type: ignore[arg-type]  # the stubs know Django's own context alone
def build_report(context: KubernetesTaskContext, report_id: int) -> dict[str, Any]:
    """Reads the report's CSV as a stream, whatever its size, and stores and returns the summary."""
    report = Report.objects.get(pk=report_id)
    # A byte that is not UTF-8 spoils its row, not the report; -sig: spreadsheets begin with a byte order mark.
    with report.source.open("rb") as file, io.TextIOWrapper(file, "utf-8-sig", "replace", newline="") as lines:
        summary = summarise(_telling(context, lines, report.source.size)).as_json()
    report.summary = summary
    report.save(update_fields=["summary"])
    return summary


def _telling(context: KubernetesTaskContext, lines: Iterable[str], size: int) -> Iterator[str]:
    """The same lines. Tells now and then how much of the file they are: characters are almost bytes in an export."""
    done = 0
    for number, line in enumerate(lines):
        if number % ROWS_BETWEEN == 0:
            context.progress(min(done / size, 1), 1, f"{number:,} rows")
        done += len(line)
        yield line
    context.progress(1, 1, "all rows")
