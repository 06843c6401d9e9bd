"""Tasks that end in ways that are easily mistaken for others: by groups, by notes, by children of their process."""

import asyncio
import os
import sys
import time
from pathlib import Path

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.tasks import task


class Order:
    """As a model has it, whose module a process without this project's settings cannot import."""

    class DoesNotExist(ObjectDoesNotExist):
        pass


async def _decline(order: int) -> None:
    await asyncio.sleep(0)
    raise ValueError(f"no such order {order}")


@task
async def in_a_group() -> None:
    """Fails in one of the tasks of a group."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_decline(7))


@task
def in_a_database(email: str) -> None:
    """Fails as PostgreSQL says it, with the row's own values."""
    raise IntegrityError(
        'duplicate key value violates unique constraint "auth_user_email_key"\n'
        f"DETAIL:  Key (email)=({email}) already exists.\n"
    )


@task
def with_a_note() -> None:
    """Fails with a note beside the message."""
    error = ValueError("no such order 7")
    error.add_note("while importing orders.csv")
    raise error


@task
def not_found() -> None:
    """Fails with an exception whose class is in another one."""
    raise Order.DoesNotExist("Order matching query does not exist.")


@task
def leave_early() -> None:
    """Says that all is done, as a script does."""
    sys.exit(0)


@task
def fork_a_child_that_raises(seconds: float) -> str:
    """Goes on, while a child of its process fails in the middle of the task."""
    if os.fork() == 0:
        time.sleep(seconds / 4)
        raise RuntimeError("in the child")
    time.sleep(seconds)
    return "the parent's"


@task
def leave_orphans(count: int) -> int:
    """Starts so many processes whose parent ends at once, and counts the zombies that are left."""
    for _ in range(count):
        if os.fork() == 0:
            if os.fork() == 0:
                os._exit(0)
            os._exit(0)
        os.wait()
    deadline = time.monotonic() + 10
    while (zombies := _zombies()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return zombies


def _zombies() -> int:
    found = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rpartition(") ")[2].split()[0]
        except OSError:
            continue
        found += state == "Z"
    return found
