"""Django's settings for a watcher of the stories: those of a web process, receivers, and a storage for large texts."""

import os

from tests.support import web_settings
from tests.support.web_settings import *  # noqa: F403

INSTALLED_APPS = [*web_settings.INSTALLED_APPS, "tests.support.hooks.HooksConfig"]
STORAGES = {
    "files": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": os.path.join(os.environ["HOOKS_FOLDER"], "files")},  # noqa: PTH118
    }
}
web_settings.TASKS["default"]["OPTIONS"]["STORAGE"] = "files"
