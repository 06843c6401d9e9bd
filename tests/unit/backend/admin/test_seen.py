"""What is noted while a part is rendered."""

from datetime import UTC, datetime

import pytest

from django_tasks_kubernetes.admin.keeping import Answer
from django_tasks_kubernetes.admin.seen import SECONDS_MAX, Seen, noted, was_read, was_shown

ANSWER = Answer(value=1, as_of=datetime(2026, 11, 30, tzinfo=UTC), version=7)


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        (0.0, 0.0), (599.0, 0.0), (610.0, 50.0), (3600.0, 60.0), (8 * 3600.0, SECONDS_MAX), (9e9, SECONDS_MAX),
        # To come: it counts down.
        (-30.0, 0.0), (-610.0, 10.0), (-9e9, SECONDS_MAX),
    ],
)  # fmt: skip
def test_an_age_stays_as_it_is_for_so_long(age: float, seconds: float) -> None:
    seen = Seen()
    with noted(seen):
        was_shown(age)
    assert seen.seconds == seconds


def test_the_shortest_counts() -> None:
    seen = Seen()
    with noted(seen):
        for age in (700.0, 615.0, 90_000.0):
            was_shown(age)
    assert seen.seconds == 20.0


def test_reads_are_noted_but_for_those_that_another_is_made_of() -> None:
    seen = Seen()
    with noted(seen):
        was_read(lambda: ANSWER, ANSWER)
        with noted(None):
            was_read(lambda: ANSWER, ANSWER)
    assert [version for _, version in seen.reads] == [7]


def test_nothing_is_noted_for_anything_else() -> None:
    was_read(lambda: ANSWER, ANSWER)
    was_shown(1.0)
