"""Names of columns for people: no SQL."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("django_tasks_kubernetes", "0004_taskhistory"),
    ]

    operations = [
        migrations.AlterField(
            model_name="outboxtask",
            name="backend",
            field=models.CharField(max_length=253, verbose_name="backend"),
        ),
        migrations.AlterField(
            model_name="outboxtask",
            name="id",
            field=models.CharField(max_length=57, primary_key=True, serialize=False, verbose_name="id"),
        ),
        migrations.AlterField(
            model_name="outboxtask",
            name="queue",
            field=models.CharField(blank=True, db_default="", default="", max_length=63, verbose_name="queue"),
        ),
        migrations.AlterField(
            model_name="outboxtask",
            name="tries",
            field=models.PositiveIntegerField(default=0, verbose_name="tries"),
        ),
        migrations.AlterField(
            model_name="taskend",
            name="backend",
            field=models.CharField(max_length=253, verbose_name="backend"),
        ),
        migrations.AlterField(
            model_name="taskend",
            name="queue",
            field=models.CharField(blank=True, db_default="", default="", max_length=63, verbose_name="queue"),
        ),
        migrations.AlterField(
            model_name="taskend",
            name="task_id",
            field=models.CharField(max_length=57, verbose_name="id"),
        ),
        migrations.AlterField(
            model_name="taskend",
            name="tries",
            field=models.PositiveIntegerField(default=0, verbose_name="tries"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="attempts",
            field=models.PositiveIntegerField(default=0, verbose_name="attempts"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="backend",
            field=models.CharField(max_length=253, verbose_name="backend"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="enqueued_at",
            field=models.DateTimeField(null=True, verbose_name="enqueued"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="exception",
            field=models.CharField(blank=True, default="", max_length=512, verbose_name="exception"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="finished_at",
            field=models.DateTimeField(verbose_name="ended"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="message",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="message"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="phase",
            field=models.CharField(max_length=64, verbose_name="phase"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="queue",
            field=models.CharField(max_length=63, verbose_name="queue"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="reason",
            field=models.CharField(blank=True, default="", max_length=64, verbose_name="reason"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="retry_of",
            field=models.CharField(blank=True, default="", max_length=57, verbose_name="retry of"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="schedule",
            field=models.CharField(blank=True, default="", max_length=63, verbose_name="schedule"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="started_at",
            field=models.DateTimeField(null=True, verbose_name="started"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="task",
            field=models.CharField(max_length=512, verbose_name="task"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="task_id",
            field=models.CharField(db_index=True, max_length=57, verbose_name="id"),
        ),
        migrations.AlterField(
            model_name="taskhistory",
            name="workflow",
            field=models.CharField(blank=True, default="", max_length=63, verbose_name="workflow"),
        ),
    ]
