"""Makes the database: `python -m benchmarks.admin.seed 10000`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import django
from django.core.management import call_command

USER = PASSWORD = "bench"


def main(rows: int) -> None:
    django.setup()
    from django.contrib.auth.models import User

    from benchmarks.admin.baseline.models import Row
    from djangotasks_api.task_ids import new_id

    call_command("migrate", run_syncdb=True, verbosity=0)
    User.objects.create_superuser(USER, password=PASSWORD)
    now = datetime.now(UTC)
    times = [now - timedelta(seconds=number) for number in range(rows)]
    Row.objects.bulk_create(
        [
            Row(
                id=new_id(int(at.timestamp() * 1000)),
                task="shop.probes.add",
                queue="default",
                phase="Failed" if number % 25 == 0 else "Succeeded",
                reason="TaskError" if number % 25 == 0 else "",
                enqueued_at=at,
                started_at=at,
                finished_at=at,
            )
            for number, at in enumerate(times)
        ],
        batch_size=500,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
