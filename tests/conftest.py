"""For all tests: Django's settings, and how long hypothesis searches (HYPOTHESIS_PROFILE: quick, fast, thorough)."""

from __future__ import annotations

import gc
import os
import sys

from hypothesis import settings

if "pytest_django" in sys.modules:  # not with `-p no:django`, for tests that need none
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.unit.settings")
    django.setup()

settings.register_profile("quick", max_examples=3, deadline=None)
settings.register_profile("fast", max_examples=10, deadline=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))

# Modules and tests live until the end. Searching them again and again was a fifth of the time of the backend's tests.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    # Seldom: what a test leaves is little.
    gc.set_threshold(100_000)
    gc.enable()
