from django.db import migrations, models


class Migration(migrations.Migration):
    """Makes no table: what Django's admin shows of the cluster has permissions, and entries in the admin's log."""

    dependencies = [("django_tasks_kubernetes", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Task",
            fields=[("id", models.CharField(max_length=255, primary_key=True, serialize=False))],
            options={
                "verbose_name": "task",
                "verbose_name_plural": "tasks",
                "permissions": (
                    ("view_task_data", "Can view arguments, results and logs of tasks"),
                    ("retry_task", "Can enqueue tasks once more"),
                ),
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Queue",
            fields=[("id", models.CharField(max_length=255, primary_key=True, serialize=False))],
            options={
                "verbose_name": "queue",
                "verbose_name_plural": "queues",
                "permissions": (("hold_queue", "Can pause and limit queues"),),
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Schedule",
            fields=[("id", models.CharField(max_length=255, primary_key=True, serialize=False))],
            options={
                "verbose_name": "schedule",
                "verbose_name_plural": "schedules",
                "permissions": (("run_schedule", "Can run schedules now"),),
                "managed": False,
                "default_permissions": ("view", "change"),
            },
        ),
        migrations.CreateModel(
            name="Workflow",
            fields=[("id", models.CharField(max_length=255, primary_key=True, serialize=False))],
            options={
                "verbose_name": "workflow",
                "verbose_name_plural": "workflows",
                "permissions": (("retry_workflow", "Can retry workflows"),),
                "managed": False,
                "default_permissions": ("view", "change", "delete"),
            },
        ),
    ]
