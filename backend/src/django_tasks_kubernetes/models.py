"""The outbox: tasks that were enqueued with OPTIONS["ENQUEUE"] = "outbox", and that the cluster may not have yet. And
the inbox of `manage.py watch_tasks`: how tasks ended, and who has been told."""

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


class TaskEvent(models.Model):
    """The end of a task, or of an attempt that failed. Kept until the task is gone, so that it is told once."""

    key: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=80)
    """Of the task's uid and the attempt's number: whoever sees the event writes the same row."""

    uid: "models.CharField[str, str]" = models.CharField(max_length=64)
    task_id: "models.CharField[str, str]" = models.CharField(max_length=57)
    attempt: "models.PositiveIntegerField[int | None, int | None]" = models.PositiveIntegerField(null=True)
    """None for the end of the task."""

    backend: "models.CharField[str, str]" = models.CharField(max_length=253)
    resource: "models.TextField[str, str]" = models.TextField()
    """The DjangoTask then, as JSON text; empty once all have been told. Receivers may be told after it is gone."""

    seen_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()
    told_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(null=True)
    """When the last receiver had been told."""

    next_try_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        null=True, db_index=True
    )
    """None once all have been told, and when it is given up."""

    tries: "models.PositiveIntegerField[int, int]" = models.PositiveIntegerField(default=0)
    told_to: "models.TextField[str, str]" = models.TextField(blank=True, default="")
    """The receivers that need not be told again, one a line."""

    error: "models.TextField[str, str]" = models.TextField(blank=True, default="")
    """What the others raised the last time."""

    class Meta:
        verbose_name = "end of a task"
        verbose_name_plural = "ends of tasks"

    def __str__(self) -> str:
        return str(self.pk)
