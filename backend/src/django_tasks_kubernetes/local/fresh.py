"""A task in this process begins as in a process of its own."""

from collections.abc import Callable
from contextvars import copy_context

from django.conf import settings
from django.urls import set_script_prefix, set_urlconf
from django.utils import timezone, translation


def call_fresh(function: Callable[[], None]) -> None:
    """Calls it with the language, the time zone and the URLs of the settings, whatever a request or a test has
    activated here. What it activates, or sets in context variables, ends with it."""
    copy_context().run(_from_settings, function)


def _from_settings(function: Callable[[], None]) -> None:
    translation.deactivate()
    timezone.deactivate()
    set_urlconf(None)
    # As django.setup() does.
    set_script_prefix("/" if settings.FORCE_SCRIPT_NAME is None else settings.FORCE_SCRIPT_NAME)
    function()
