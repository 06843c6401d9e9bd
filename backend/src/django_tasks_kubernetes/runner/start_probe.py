"""Do what the runner does before it calls a task, and say how long each part takes: for `manage.py tasks start-cost`.

    python -X importtime -m django_tasks_kubernetes.runner.start_probe MARK BEGAN [TASK]

MARK: what the lines begin with that say it. They are on stderr, among those of `-X importtime`: so it is known what is
imported in which part. BEGAN: when the process was started, on the clock of time.monotonic().
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django_tasks_kubernetes.runner import collector


def mark(**values: Any) -> None:
    # Past Python's buffer, as the lines of -X importtime.
    os.write(2, f"{sys.argv[1]}{json.dumps(values)}\n".encode())


@contextmanager
def part(name: str) -> Iterator[None]:
    mark(begins=name)
    began = time.perf_counter()
    try:
        yield
    finally:
        mark(ends=name, seconds=time.perf_counter() - began)


def main(began: float, task: str | None) -> None:
    mark(ends="the interpreter", seconds=time.monotonic() - began)
    with collector.paused():
        import django
        from django.apps import AppConfig
        from django.conf import settings

        with part("settings"):
            _ = settings.INSTALLED_APPS
        load_models = AppConfig.import_models

        def import_models(app: Any) -> None:
            load_models(app)
            # Of the instance, since each class may have one of its own.
            app.ready = timed(app.ready, f"ready() of {app.label}")

        setattr(AppConfig, "import_models", import_models)  # noqa: B010 - for mypy, which lets no method be replaced
        with part("the app registry"):
            django.setup()
        if task is not None:
            from django.utils.module_loading import import_string

            import_string(task)
        import django_tasks_kubernetes.runner.execute  # noqa: F401
    mark(done=time.monotonic())


def timed(ready: Callable[[], object], name: str) -> Callable[[], None]:
    def call() -> None:
        with part(name):
            ready()

    return call


if __name__ == "__main__":
    main(float(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
