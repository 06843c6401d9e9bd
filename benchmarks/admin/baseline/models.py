"""The table."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class Row(models.Model):
    """As much as the list shows of a task."""

    id: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=63)
    task: "models.CharField[str, str]" = models.CharField(max_length=255)
    queue: "models.CharField[str, str]" = models.CharField(max_length=63)
    phase: "models.CharField[str, str]" = models.CharField(max_length=20)
    progress: "models.CharField[str, str]" = models.CharField(max_length=20, blank=True)
    reason: "models.CharField[str, str]" = models.CharField(max_length=63, blank=True)
    attempts: "models.PositiveIntegerField[int, int]" = models.PositiveIntegerField(default=1)
    enqueued_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(db_index=True)
    started_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()
    finished_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()

    class Meta:
        app_label = "baseline"
        ordering = ("-enqueued_at",)
