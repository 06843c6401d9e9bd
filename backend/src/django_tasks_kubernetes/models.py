"""The outbox of OPTIONS["ENQUEUE"] = "outbox", the inbox of `manage.py watch_tasks`; and, without a table, what
Django's admin shows of the cluster."""

from typing import TYPE_CHECKING, ClassVar, Final, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from djangotasks_api.bounds import (
    BACKEND_ALIAS_MAX_CHARS,
    CANCEL_REASON_MAX_CHARS,
    DNS_LABEL_MAX_CHARS,
    ERROR_TYPE_MAX_CHARS,
    REASON_MAX_CHARS,
    TASK_NAME_MAX_CHARS,
    TASK_PATH_MAX_CHARS,
)

if TYPE_CHECKING:
    from datetime import datetime

# Of a name with an alias before it. Nothing is stored under it.
PK_MAX_CHARS: Final = 255
HISTORY_MESSAGE_MAX_CHARS: Final = 200


class NoRows(models.Manager[models.Model]):
    """Of a model without a table: `manage.py dumpdata`, and whatever else reads all models, finds no row."""

    def get_queryset(self) -> models.QuerySet[models.Model]:
        return super().get_queryset().none()


class WithoutTable(models.Model):
    """What Django's admin shows of the cluster."""

    objects = NoRows()

    class Meta:
        abstract = True
        # `dumpdata --all` asks this one. Of a parent, so that no migration has to say it.
        base_manager_name = "objects"


class OutboxTask(models.Model):
    """A task that was enqueued and that the cluster may not have yet.

    Written in the transaction that enqueues the task, and deleted once the cluster has it.
    """

    id: "models.CharField[str, str]" = models.CharField(_("id"), primary_key=True, max_length=TASK_NAME_MAX_CHARS)
    """The result's id, which is the resource's name: however often a row is sent, there is one task."""

    backend: "models.CharField[str, str]" = models.CharField(_("backend"), max_length=BACKEND_ALIAS_MAX_CHARS)
    """The alias in TASKS."""

    task: "models.CharField[str, str]" = models.CharField(
        max_length=TASK_PATH_MAX_CHARS, blank=True, default="", db_default=""
    )
    """The path of its function, for those who look at the table. Empty in rows of an older version."""

    queue: "models.CharField[str, str]" = models.CharField(
        _("queue"), max_length=DNS_LABEL_MAX_CHARS, blank=True, default="", db_default=""
    )
    resource: "models.TextField[str, str]" = models.TextField()
    """The DjangoTask as JSON text: a JSON column may change large numbers, and refuses some characters."""

    cancel_reason: "models.CharField[str | None, str | None]" = models.CharField(
        max_length=CANCEL_REASON_MAX_CHARS, null=True
    )
    """The reason given with a cancellation; None when it was not cancelled."""

    created_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()
    next_try_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(db_index=True)
    """When the relay sends it, unless the process that wrote it has done so."""

    tries: "models.PositiveIntegerField[int, int]" = models.PositiveIntegerField(_("tries"), default=0)
    error: "models.TextField[str, str]" = models.TextField(blank=True, default="")
    """Why the last try failed."""

    class Meta:
        verbose_name = _("task to be sent")
        verbose_name_plural = _("tasks to be sent")

    def __str__(self) -> str:
        return str(self.pk)


class TaskEnd(models.Model):
    """The end of a task, or of a failed attempt, and which receivers have been called for it.

    Kept until the task is gone, so that it is dispatched once.
    """

    key: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=80)
    """The task's uid and the attempt's number: every process that sees the end writes the same row."""

    uid: "models.CharField[str, str]" = models.CharField(max_length=64)
    task_id: "models.CharField[str, str]" = models.CharField(_("id"), max_length=TASK_NAME_MAX_CHARS)
    attempt: "models.PositiveIntegerField[int | None, int | None]" = models.PositiveIntegerField(null=True)
    """None for the end of the task."""

    backend: "models.CharField[str, str]" = models.CharField(_("backend"), max_length=BACKEND_ALIAS_MAX_CHARS)
    """The alias in TASKS."""

    task: "models.CharField[str, str]" = models.CharField(
        max_length=TASK_PATH_MAX_CHARS, blank=True, default="", db_default=""
    )
    """The path of its function, for those who look at the table. Empty in rows of an older version."""

    queue: "models.CharField[str, str]" = models.CharField(
        _("queue"), max_length=DNS_LABEL_MAX_CHARS, blank=True, default="", db_default=""
    )
    resource: "models.TextField[str, str]" = models.TextField()
    """The DjangoTask as JSON text, because it may be gone when receivers are called; empty once all were."""

    seen_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()
    dispatched_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(null=True)
    """When the last receiver had been called; None before."""

    next_try_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        null=True, db_index=True
    )
    """None once all receivers were called, and for a dead letter."""

    tries: "models.PositiveIntegerField[int, int]" = models.PositiveIntegerField(_("tries"), default=0)
    dispatched_to: "models.TextField[str, str]" = models.TextField(blank=True, default="")
    """The receivers that were called and did not raise, one a line."""

    error: "models.TextField[str, str]" = models.TextField(blank=True, default="")
    """What the others raised the last time."""

    class Meta:
        verbose_name = _("end of a task")
        verbose_name_plural = _("ends of tasks")

    def __str__(self) -> str:
        return str(self.pk)


class TaskHistory(models.Model):
    """A task that ended, kept beyond its TTL by `manage.py watch_tasks` with OPTIONS["HISTORY_DAYS"]. Without its
    arguments, its result and its log."""

    uid: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=64)
    """The resource's: every process that sees the end writes the same row."""

    task_id: "models.CharField[str, str]" = models.CharField(_("id"), max_length=TASK_NAME_MAX_CHARS, db_index=True)
    backend: "models.CharField[str, str]" = models.CharField(_("backend"), max_length=BACKEND_ALIAS_MAX_CHARS)
    """The alias in TASKS."""

    task: "models.CharField[str, str]" = models.CharField(_("task"), max_length=TASK_PATH_MAX_CHARS)
    queue: "models.CharField[str, str]" = models.CharField(_("queue"), max_length=DNS_LABEL_MAX_CHARS)
    phase: "models.CharField[str, str]" = models.CharField(_("phase"), max_length=REASON_MAX_CHARS)
    reason: "models.CharField[str, str]" = models.CharField(
        _("reason"), max_length=REASON_MAX_CHARS, blank=True, default=""
    )
    exception: "models.CharField[str, str]" = models.CharField(
        _("exception"), max_length=ERROR_TYPE_MAX_CHARS, blank=True, default=""
    )
    message: "models.CharField[str, str]" = models.CharField(
        _("message"), max_length=HISTORY_MESSAGE_MAX_CHARS, blank=True, default=""
    )
    """The beginning of it."""

    attempts: "models.PositiveIntegerField[int, int]" = models.PositiveIntegerField(_("attempts"), default=0)
    enqueued_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        _("enqueued"), null=True
    )
    started_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(_("started"), null=True)
    finished_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(
        _("ended"),
    )
    memory_bytes: "models.BigIntegerField[int | None, int | None]" = models.BigIntegerField(null=True)
    """Of the last attempt, where that is known."""

    cpu_seconds: "models.FloatField[float | None, float | None]" = models.FloatField(null=True)
    schedule: "models.CharField[str, str]" = models.CharField(
        _("schedule"), max_length=DNS_LABEL_MAX_CHARS, blank=True, default=""
    )
    workflow: "models.CharField[str, str]" = models.CharField(
        _("workflow"), max_length=DNS_LABEL_MAX_CHARS, blank=True, default=""
    )
    retry_of: "models.CharField[str, str]" = models.CharField(
        _("retry of"), max_length=TASK_NAME_MAX_CHARS, blank=True, default=""
    )

    class Meta:
        verbose_name = _("task that ended")
        verbose_name_plural = _("tasks that ended")
        default_permissions = ("view",)
        indexes = (
            models.Index(fields=["-finished_at"], name="djangotasks_history_end"),
            models.Index(fields=["phase", "-finished_at"], name="djangotasks_history_phase"),
            models.Index(fields=["task", "-finished_at"], name="djangotasks_history_task"),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.task_id}"


class Task(WithoutTable):
    """A DjangoTask, for Django's admin: its permissions, and the entries of the log. There is no table: tasks are in
    the cluster."""

    id: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=PK_MAX_CHARS)
    """The name; where TASKS has several places, after the alias and a dot."""

    path: "ClassVar[str]" = ""
    """Of the task's function, where it is known."""

    class Meta:
        managed = False
        verbose_name = _("task")
        verbose_name_plural = _("tasks")
        permissions = (
            ("view_task_data", "Can view arguments, results and logs of tasks"),
            ("retry_task", "Can enqueue tasks once more"),
        )

    def __str__(self) -> str:
        return f"{self.path} {self.pk}" if self.path else str(self.pk)

    @classmethod
    def shown(cls, pk: str, path: str) -> Self:
        """The one that a page or the log shows."""
        task = cls(id=pk)
        task.__dict__["path"] = path
        return task


class Queue(WithoutTable):
    """A DjangoTaskQueue. See Task."""

    id: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=PK_MAX_CHARS)

    class Meta:
        managed = False
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        default_permissions = ("view",)
        permissions = (("hold_queue", "Can pause and limit queues"),)

    def __str__(self) -> str:
        return str(self.pk)


class Schedule(WithoutTable):
    """A DjangoTaskSchedule. See Task."""

    id: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=PK_MAX_CHARS)

    class Meta:
        managed = False
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        default_permissions = ("view", "change")
        permissions = (("run_schedule", "Can run schedules now"),)

    def __str__(self) -> str:
        return str(self.pk)


class Workflow(WithoutTable):
    """A DjangoTaskWorkflow. See Task."""

    id: "models.CharField[str, str]" = models.CharField(primary_key=True, max_length=PK_MAX_CHARS)

    class Meta:
        managed = False
        verbose_name = _("workflow")
        verbose_name_plural = _("workflows")
        default_permissions = ("view", "change", "delete")
        permissions = (("retry_workflow", "Can retry workflows"),)

    def __str__(self) -> str:
        return str(self.pk)
