from functools import partial

from django.db import migrations, models

# The database has the defaults too: processes of the version before go on to write rows meanwhile.
text = partial(models.CharField, blank=True, db_default="", default="")


class Migration(migrations.Migration):
    dependencies = [("django_tasks_kubernetes", "0002_admin")]

    operations = [
        migrations.AddField("OutboxTask", "task", text(max_length=512)),
        migrations.AddField("OutboxTask", "queue", text(max_length=63)),
        migrations.AddField("TaskEnd", "task", text(max_length=512)),
        migrations.AddField("TaskEnd", "queue", text(max_length=63)),
    ]
