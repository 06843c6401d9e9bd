"""Tasks, declared as each package's users do."""

import crontask
import overseer
from django.core.management import call_command
from django.tasks import task
from django_periodic_tasks.decorators import exactly_once
from django_scheduled_tasks import periodic_task
from django_tasks import task as task_of_backport
from maintenance_tasks.task import MaintenanceTask

seen: list[object] = []


@task
def double(number: int) -> int:
    return 2 * number


@task
def fail() -> None:
    raise ValueError("out of stock")


@task
def publish(title: str) -> None:
    from wagtail.models import Page

    page = Page.objects.get(depth=1).add_child(instance=Page(title=title))
    page.save_revision().publish()


@task
def migrate() -> None:
    call_command("migrate", verbosity=0)


@task
def search(words: str) -> list[str]:
    from wagtail.models import Page

    return [found.title for found in Page.objects.search(words)]


@task_of_backport
def double_by_backport(number: int) -> int:
    return 2 * number


@overseer.task(retries=2, backoff_base=0, jitter=False)
def flaky() -> str:
    seen.append("flaky")
    if seen.count("flaky") < 3:
        raise ValueError("not yet")
    return "done"


@task_of_backport
@exactly_once
def nightly() -> None:
    seen.append("nightly")


@periodic_task(interval=3600)
@task
def hourly() -> None:
    seen.append("hourly")


@crontask.cron("0 3 * * *")
@task
def at_three() -> None:
    seen.append("at three")


class Backfill(MaintenanceTask):
    batch_size = 2

    def collection(self) -> list[int]:
        return list(range(5))

    def process(self, item: int) -> None:
        seen.append(item)
