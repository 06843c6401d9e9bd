"""What commands refuse before they begin, and where options may stand."""

import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand

from django_tasks_kubernetes.management.commands import schedules, tasks


@pytest.mark.parametrize(
    "words",
    [
        f"{command} {option} {value}"
        for command, option in (
            ("relay_tasks", "--interval"),
            ("relay_tasks", "--hang-seconds"),
            ("watch_tasks", "--hang-seconds"),
            ("prune_task_files", "--grace"),
        )
        for value in ("-1", "nan", "inf", "1e300", "soon")
    ],
)
def test_a_time_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(CommandError, match="must be a number of seconds from 0 to 1,000,000,000"):
        call_command(*words.split())


@pytest.mark.parametrize("command", ["relay_tasks", "watch_tasks"])
def test_a_database_that_settings_do_not_name_is_refused(command: str) -> None:
    with pytest.raises(CommandError, match=r"argument --database: invalid choice: 'nope'.*default"):
        call_command(command, "--once", "--database", "nope")


@pytest.mark.parametrize("command", [tasks.Command(), schedules.Command()])
def test_options_of_django_may_stand_after_the_verb(command: BaseCommand) -> None:
    parser = command.create_parser("manage.py", "it")
    words = ["--settings", "shop.prod", "--no-color", "-v", "2"]
    before, after = parser.parse_args([*words, "list"]), parser.parse_args(["list", *words])
    assert before == after
    assert (after.settings, after.no_color, after.verbosity) == ("shop.prod", True, 2)
    assert vars(parser.parse_args(["list"]))["verbosity"] == 1
