"""Which backend `manage.py tasks` takes, and that it helps where no verb is given."""

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--backend", "other"], "TASKS has no backend 'other'"),
        (["--backend", "dummy"], "that runs tasks on Kubernetes"),
    ],
)
def test_tasks_refuses_a_backend_that_is_not_kubernetes(words: list[str], message: str) -> None:
    dummy = {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}
    with override_settings(TASKS={"default": dummy, "dummy": dummy}), pytest.raises(CommandError, match=message):
        call_command("tasks", "list", *words)


def test_tasks_without_a_verb_prints_the_verbs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        call_command("tasks")
    assert end.value.code == 2
    assert "enqueue finished tasks once more" in capsys.readouterr().out
