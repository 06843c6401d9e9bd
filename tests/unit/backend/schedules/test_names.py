"""Names of schedules that are made of the paths of tasks."""

import pytest

from django_tasks_kubernetes.conf import is_dns_label
from django_tasks_kubernetes.schedules.names import default_name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("shop.tasks.clean_up", "shop-clean-up"),
        ("shop.schedules.nightly", "shop-nightly"),
        ("shop.maintenance.nightly", "shop-maintenance-nightly"),
        ("shop.tasks.orders.tasks.Send2", "shop-orders-send2"),
        ("tasks.tasks", "tasks-tasks"),
        ("shop.tasks._", "shop"),
        ("shop.tasks." + "a" * 39, "shop-" + "a" * 39),
        ("shop.tasks." + "a" * 40, "shop-" + "a" * 32 + "-766231"),
        ("магазин.tasks.ночь", "c26db2"),
    ],
)
def test_default_name(path: str, name: str) -> None:
    assert default_name(path) == name
    assert is_dns_label(name)


def test_long_names_differ_by_their_paths() -> None:
    assert default_name("a" * 60 + ".tasks.one") != default_name("a" * 60 + ".tasks.two")
