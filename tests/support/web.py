"""A web process of the delivery stories, which enqueues in a transaction and ends on command.

    python -m tests.support.web enqueue NUMBER [rollback | die-before-commit | die-after-commit]
    python -m tests.support.web large [as above]
    python -m tests.support.web many COUNT [INDEX …]
    python -m tests.support.web key KEY NUMBER [as above]
    python -m tests.support.web status|cancel ID

`many` gives the calls with these indexes arguments that are not JSON. Prints JSON.
"""

import json
import os
import signal
import sys
from typing import Any

import django


def die() -> None:
    """As the kernel ends a process that took too much memory: nothing more of it runs."""
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


class RolledBack(Exception):
    pass


def enqueue(task: Any, number: Any, then: str = "") -> Any:
    from django.db import transaction

    try:
        with transaction.atomic():
            if then == "die-after-commit":
                transaction.on_commit(die)
            result = task.enqueue(number, 1)
            print(json.dumps(result.id), flush=True)
            if then == "die-before-commit":
                die()
            if then == "rollback":
                raise RolledBack
    except RolledBack:
        pass


def main(command: str, *args: str) -> Any:
    django.setup()
    from django.tasks import default_task_backend
    from shop import probes

    backend: Any = default_task_backend
    task: Any = probes.add
    match command, *args:
        case "enqueue", number, *then:
            enqueue(task, int(number), *then)
        case "large", *then:
            enqueue(task, "x" * 200_000, *then)
        case "key", key, number, *then:
            enqueue(task.using(idempotency_key=key), int(number), *then)
        case "many", count, *wrong:
            not_json = {int(index) for index in wrong}
            report = backend.enqueue_many(
                (task, (object() if number in not_json else number, 1)) for number in range(int(count))
            )
            errors = {failure.index: type(failure.error).__name__ for failure in report.not_accepted}
            print(json.dumps({"ids": [result and result.id for result in report.results], "errors": errors}))
        case "status", id_:
            print(json.dumps(backend.get_result(id_).status))
        case "cancel", id_:
            print(json.dumps(backend.cancel(id_, "by the test").status))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
