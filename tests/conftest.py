"""For all tests: Django's settings, and how long hypothesis searches (HYPOTHESIS_PROFILE: fast, thorough)."""

from __future__ import annotations

import gc
import os
import sys

import pytest
from hypothesis import is_hypothesis_test, settings

if "pytest_django" in sys.modules:  # not with `-p no:django`, for tests that need none
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.unit.settings")
    django.setup()

settings.register_profile("fast", max_examples=10, deadline=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# Modules and tests live until the end. Searching them again and again was a fifth of the time of the backend's tests.
gc.disable()


# Of web servers, and of whole pages: a test with one takes longer than ten without.
THOROUGH_FIXTURES = {"server", "log_in"}


@pytest.hookimpl(tryfirst=True)  # before -m leaves tests out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)) or not THOROUGH_FIXTURES.isdisjoint(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker("thorough")


def pytest_collection_finish() -> None:
    gc.freeze()
    # Seldom: what a test leaves is little.
    gc.set_threshold(100_000)
    gc.enable()
