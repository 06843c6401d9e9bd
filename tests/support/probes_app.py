"""An app that imports the shop's probes: what a DjangoTask names is imported from packages of the project alone."""

from django.apps import AppConfig


class ProbesConfig(AppConfig):
    name = "tests.support"
    label = "probes"

    def ready(self) -> None:
        from shop import probes  # noqa: F401 - their tasks can be looked up from now on
