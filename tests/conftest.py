"""For all tests: Django's settings, and how long hypothesis searches (HYPOTHESIS_PROFILE=thorough: longer)."""

from __future__ import annotations

import os

import django
from hypothesis import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.unit.backend.settings")
django.setup()

settings.register_profile("fast", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
