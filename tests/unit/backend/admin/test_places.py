"""Where the tasks of a page are, where several backends of TASKS have one namespace."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import override_settings

from django_tasks_kubernetes.admin.places import place_of, places
from django_tasks_kubernetes.admin.schedule_reading import declared_resources
from django_tasks_kubernetes.relay import outbox_databases
from django_tasks_kubernetes.schedules import declare, discover, registry, schedule
from django_tasks_kubernetes.schedules.discover import Discovery
from django_tasks_kubernetes.schedules.registry import Registry
from tests.unit.backend import tasks


@pytest.fixture(autouse=True)
def with_an_outbox() -> Iterator[None]:
    """Some tasks are sent at once, and others with the transaction."""
    now = settings.TASKS["default"]
    later = now | {"OPTIONS": now["OPTIONS"] | {"ENQUEUE": "outbox"}}
    with override_settings(TASKS={"default": now, "later": later}):
        yield


def test_they_are_one_place() -> None:
    (place,) = places()
    assert (place.alias, place.is_only, place.aliases) == ("default", True, ("default", "later"))
    assert place_of("later") == place


def test_the_outbox_of_the_second_is_shown() -> None:
    assert outbox_databases() == ["default"]


def test_what_the_second_declares_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Registry()
    for module in (declare, registry):
        monkeypatch.setattr(module, "declared", found)
    monkeypatch.setattr(discover, "discover", Discovery)
    schedule("0 3 * * *", name="of-later")(tasks.echo.using(backend="later"))
    (place,) = places()
    assert [one["metadata"]["name"] for one in declared_resources(place)] == ["of-later"]
