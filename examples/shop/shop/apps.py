"""The app: its receivers are connected when Django is set up, in web processes, in tasks' pods, in the watcher."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "shop"

    def ready(self) -> None:
        from . import receivers  # noqa: F401 - it connects them
