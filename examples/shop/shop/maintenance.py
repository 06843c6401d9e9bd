"""What a shop does every night, by its schedule."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.tasks import task
from django.utils import timezone

from .models import Report

KEEP_REPORTS = timedelta(days=30)


@task
def clean_up() -> dict[str, int]:
    """Removes expired sessions, and old reports with their files. Returns how many of each."""
    sessions = Session.objects.filter(expire_date__lt=timezone.now()).count()
    call_command("clearsessions")
    reports = list(Report.objects.filter(created_at__lt=timezone.now() - KEEP_REPORTS))
    for report in reports:
        report.source.delete(save=False)
        report.delete()
    return {"sessions": sessions, "reports": len(reports)}
