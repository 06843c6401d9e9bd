"""Django's settings for a watcher of the stories: those of a web process, and receivers."""

from tests.support.web_settings import *  # noqa: F403
from tests.support.web_settings import INSTALLED_APPS as WEB_APPS

INSTALLED_APPS = [*WEB_APPS, "tests.support.hooks.HooksConfig"]
