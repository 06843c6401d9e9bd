"""A web app on this machine that declares the example's schedules."""

from tests.support.web_settings import *  # noqa: F403 - as settings are extended
from tests.support.web_settings import INSTALLED_APPS as OF_WEB

INSTALLED_APPS = [*OF_WEB, "django.contrib.sessions", "shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
