"""Values as HTML."""

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.utils import timezone, translation
from django.utils.formats import get_format

from django_tasks_kubernetes.admin.cells import moment, with_seconds

AT = datetime(2026, 12, 1, 21, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Dec. 1, 2026, 9:00:07 p.m."),
        ("de", "1. Dezember 2026 21:00:07"),
        ("fi", "1. joulukuuta 2026 kello 21.00.07"),
        ("ja", "2026年12月1日21:00:07"),
    ],
)
def test_a_time_has_its_seconds(language: str, text: str) -> None:
    with translation.override(language), timezone.override(UTC):
        assert f">{text}</time>" in moment(AT)


@pytest.mark.thorough
def test_a_time_has_its_seconds_in_every_language() -> None:
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            form = with_seconds(get_format("DATETIME_FORMAT"))
            assert re.search(r"(?<!\\)s", form), (language, form)
