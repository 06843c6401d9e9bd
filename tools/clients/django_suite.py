"""Runs Django's own tests of its task framework, unchanged, with this backend in the places of Django's.

    python -m tools.clients.django_suite SDIST

Exits with 1 if a test ends otherwise than `known` says.
"""

import io
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.test.runner import DiscoverRunner

from tools.clients.known import DIFFERENCES
from tools.clients.stand_ins import Dummy, Immediate


class Results(unittest.TextTestResult):
    """Which tests passed and which did not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.passed: set[str] = set()

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802 - unittest's name
        super().addSuccess(test)
        self.passed.add(test.id())


class Runner(DiscoverRunner):
    """Keeps what it would print: it is of interest only where a test fails that should not."""

    def __init__(self) -> None:
        super().__init__(verbosity=0)
        self.output = io.StringIO()

    def get_test_runner_kwargs(self) -> dict[str, Any]:
        return super().get_test_runner_kwargs() | {"stream": self.output}

    def get_resultclass(self) -> type[Results]:
        return Results

    def suite_result(self, suite: Any, result: Any, **kwargs: Any) -> Any:
        self.results = result
        return super().suite_result(suite, result, **kwargs)


def main(sdist: Path) -> int:
    with tempfile.TemporaryDirectory() as folder:
        unpack(sdist, Path(folder))
        sys.path.insert(0, folder)
        prepare()
        runner = Runner()
        runner.run_tests(["tasks"])
    return report(runner.results, runner.output.getvalue())


def unpack(sdist: Path, folder: Path) -> None:
    """Extracts tests/tasks as the package `tasks`."""
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            if member.isfile() and "/tests/tasks/" in member.name:
                member.name = member.name.partition("/tests/")[2]
                archive.extract(member, folder, filter="data")


def prepare() -> None:
    """The tests, and the settings in them, find this backend under the names of Django's."""
    import django.tasks.backends.dummy as dummy
    import django.tasks.backends.immediate as immediate

    dummy.DummyBackend = Dummy  # type: ignore[misc,assignment]
    immediate.ImmediateBackend = Immediate  # type: ignore[misc,assignment]
    settings.configure(
        TASKS={"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend", "QUEUES": []}},
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django_tasks_kubernetes"],
        USE_TZ=True,
    )
    django.setup()


def report(results: Results, output: str) -> int:
    """Compares with what is known, and returns the exit code."""
    failed = {subtest_of(test) for test, _ in [*results.failures, *results.errors]}
    passed = results.passed - failed
    unexpected = sorted(failed - DIFFERENCES.keys())
    no_longer = sorted(passed & DIFFERENCES.keys())
    if unexpected:
        print(output)
    print(f"\nDjango {django.__version__}, tests/tasks: {len(passed)} of {results.testsRun} passed")
    for name in sorted(failed & DIFFERENCES.keys()):
        print(f"  differs  {name}: {DIFFERENCES[name]}")
    for name in unexpected:
        print(f"  FAILED   {name}")
    for name in no_longer:
        print(f"  PASSES   {name}, which tools/clients/known.py says it does not")
    return 1 if unexpected or no_longer or not passed else 0


def subtest_of(test: Any) -> str:
    """The id of the test, also of one of its subtests."""
    name: str = getattr(test, "test_case", test).id()
    return name


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
