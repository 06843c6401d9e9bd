"""The outbox: tasks that were enqueued with OPTIONS["ENQUEUE"] = "outbox", and that the cluster may not have yet."""

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    from datetime import datetime


class OutboxTask(models.Model):
    """Written in the transaction that enqueues the task, and deleted once the cluster has it."""

    id: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=57)
    """The result's id, which is the resource's name: however often a row is sent, there is one task."""

    backend: "models.CharField[str, str]" = models.CharField(max_length=253)
    resource: "models.TextField[str, str]" = models.TextField()
    """The DjangoTask as JSON text: a JSON column may change large numbers, and refuses some characters."""

    cancel_reason: "models.CharField[str | None, str | None]" = models.CharField(max_length=256, null=True)
    created_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()
    next_try_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(db_index=True)
    """When the relay sends it, unless the process that wrote it has done so."""

    tries: "models.PositiveIntegerField[int, int]" = models.PositiveIntegerField(default=0)
    error: "models.TextField[str, str]" = models.TextField(blank=True, default="")
    """Why the last try did not succeed."""

    class Meta:
        verbose_name = "task to be sent"
        verbose_name_plural = "tasks to be sent"

    def __str__(self) -> str:
        return str(self.pk)
