import pytest
from django.utils import translation

from django_tasks_kubernetes.admin.cron_words import words_of


@pytest.mark.parametrize(
    ("expression", "english", "german"),
    [
        ("0 2 * * *", "02:00, every day", "02:00, jeden Tag"),
        ("30 6,18 * * MON-FRI", "06:30, 18:30, Monday to Friday", "06:30, 18:30, Montag bis Freitag"),
        ("@yearly", "00:00, day 1 of the month, in January", "00:00, Tag 1 des Monats, im Januar"),
        ("* * * * *", "every minute", "jede Minute"),
        ("*/15 * * * *", "every 15 minutes", "alle 15 Minuten"),
        ("@hourly", "at minute 0, every hour", "in Minute 0, jede Stunde"),
        ("0 */2 * * *", "at minute 0, every 2 hours", "in Minute 0, alle 2 Stunden"),
        ("0 9-17 * * *", "at minute 0, in hour 9 to 17", "in Minute 0, in Stunde 9 bis 17"),
        ("0 6 * * MON#2", "06:00, second Monday of the month", "06:00, zweiter Montag des Monats"),
        ("0 6 * * 7L", "06:00, last Sunday of the month", "06:00, letzter Sonntag des Monats"),
        (
            "0 6 LW,1 * *",
            "06:00, day 1 of the month, last workday of the month",
            "06:00, Tag 1 des Monats, letzter Werktag des Monats",
        ),
        ("0 6 1 * FRI", "06:00, day 1 of the month or Friday", "06:00, Tag 1 des Monats oder Freitag"),
        (
            "0 6 */2 * FRI",
            "06:00, day 1 to 31 in steps of 2 of the month, if it is Friday",
            "06:00, Tag 1 bis 31 in Schritten von 2 des Monats, wenn es Freitag ist",
        ),
        ("*,5 * * * *", "at minute 0 to 59, 5, every hour", "in Minute 0 bis 59, 5, jede Stunde"),
    ],
)
def test_an_expression_in_words(expression: str, english: str, german: str) -> None:
    for language, words in (("en", english), ("de", german)):
        with translation.override(language):
            assert words_of({"cron": [expression]}) == words


def test_several_expressions() -> None:
    assert words_of({"cron": ["0 2 * * *", "*/15 * * * *"]}) == "02:00, every day; every 15 minutes"


@pytest.mark.parametrize("text", ["@fortnightly", "", "99 99 * * *", "* * * *", "0 0 31 2 *", "0 0 * * MON#9", "ж"])
def test_what_cannot_be_read_has_no_words(text: str) -> None:
    assert words_of({"cron": [text]}) == ""


def test_a_schedule_without_expressions_has_no_words() -> None:
    assert words_of({"everyMinutes": 5}) == ""
