"""How many objects of a list are asked for at a time."""

import pytest

from django_tasks_kubernetes.kube.pages import FIRST_LIMIT, LAST_LIMIT, PAGE_BYTES, PageLimit


@pytest.mark.parametrize(
    ("objects", "size", "next_limit"),
    [
        (20, 20 * 2_000, LAST_LIMIT),
        (20, 20 * 1_500_000, 2),
        (1, 10 * PAGE_BYTES, 1),
        (500, PAGE_BYTES, 500),
        (500, 2 * PAGE_BYTES, 250),
        (0, 100, FIRST_LIMIT),
        (20, 0, LAST_LIMIT),
    ],
)
def test_the_next_page_has_four_megabytes(objects: int, size: int, next_limit: int) -> None:
    limit = PageLimit()
    assert limit.value == FIRST_LIMIT
    limit.learn(objects, size)
    assert limit.value == next_limit
