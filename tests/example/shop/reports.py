"""Reports, made in a pod of their own, with the memory that they need."""

import io
from typing import Any

from django.tasks import task

from .models import Report
from .summary import summarise


@task(queue_name="reports")
def build_report(report_id: int) -> dict[str, Any]:
    """Reads the report's CSV as a stream, whatever its size, and stores and returns the summary."""
    report = Report.objects.get(pk=report_id)
    # A byte that is not UTF-8 spoils its row, not the report; -sig: spreadsheets begin with a byte order mark.
    with report.source.open("rb") as file, io.TextIOWrapper(file, "utf-8-sig", "replace", newline="") as lines:
        summary = summarise(lines).as_json()
    report.summary = summary
    report.save(update_fields=["summary"])
    return summary
