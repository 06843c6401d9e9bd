from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_tasks_kubernetes", "0003_task_and_queue")]

    operations = [
        migrations.CreateModel(
            name="TaskHistory",
            fields=[
                ("uid", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("task_id", models.CharField(db_index=True, max_length=57)),
                ("backend", models.CharField(max_length=253)),
                ("task", models.CharField(max_length=512)),
                ("queue", models.CharField(max_length=63)),
                ("phase", models.CharField(max_length=64)),
                ("reason", models.CharField(blank=True, default="", max_length=64)),
                ("exception", models.CharField(blank=True, default="", max_length=512)),
                ("message", models.CharField(blank=True, default="", max_length=200)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("enqueued_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField()),
                ("memory_bytes", models.BigIntegerField(null=True)),
                ("cpu_seconds", models.FloatField(null=True)),
                ("schedule", models.CharField(blank=True, default="", max_length=63)),
                ("workflow", models.CharField(blank=True, default="", max_length=63)),
                ("retry_of", models.CharField(blank=True, default="", max_length=57)),
            ],
            options={
                "verbose_name": "task that ended",
                "verbose_name_plural": "tasks that ended",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["-finished_at"], name="djangotasks_history_end"),
                    models.Index(fields=["phase", "-finished_at"], name="djangotasks_history_phase"),
                    models.Index(fields=["task", "-finished_at"], name="djangotasks_history_task"),
                ],
            },
        ),
    ]
