"""Django's settings for the unit tests: those of a task's pod, and Django's admin."""

from tests.support.stock_settings import *  # noqa: F403
from tests.support.stock_settings import INSTALLED_APPS as STOCK_APPS
from tests.unit.backend.settings import *  # noqa: F403

INSTALLED_APPS = STOCK_APPS
ROOT_URLCONF = "tests.unit.backend.admin.urls"
# No query reads the session.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
# A password is hashed in no time.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
