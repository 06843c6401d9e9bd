"""A test runner that names each test, and none of the hundreds of migrations."""

from typing import Any

from django.test.runner import DiscoverRunner


class VerboseRunner(DiscoverRunner):
    def get_test_runner_kwargs(self) -> dict[str, Any]:
        return super().get_test_runner_kwargs() | {"verbosity": 2}
