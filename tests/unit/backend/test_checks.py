"""System checks: of the settings always, of the cluster with --deploy."""

from typing import Any

import pytest
from django.tasks.checks import check_tasks
from django.test import override_settings

BACKEND = "django_tasks_kubernetes.KubernetesBackend"


def settings(alias: str = "default", **params: Any) -> override_settings:
    return override_settings(TASKS={alias: {"BACKEND": BACKEND} | params})


def test_check_passes_for_good_settings() -> None:
    assert list(check_tasks()) == []
    with settings(SHARDS=3):  # of a class that is made from it
        assert list(check_tasks()) == []


@pytest.mark.parametrize(
    ("params", "id_", "message", "hint"),
    [
        (
            {"OPTIONS": {"RETRY": 1}},
            "E001",
            "RETRY is not an option. Did you mean RETRIES?",
            "TASKS['default']['OPTIONS']",
        ),
        (
            {"NAMESPACE": "shop"},
            "E001",
            "NAMESPACE has no effect in TASKS['default']: it is one of its OPTIONS.",
            "TASKS['default']['OPTIONS']",
        ),
        ({"ENQUEUE_ON_COMMIT": True}, "E001", "set ENQUEUE in its OPTIONS, to 'on_commit' or 'outbox'", "OPTIONS"),
        ({"OPTIONS": {"RETRIES": -1}}, "E001", "RETRIES must be a whole number", "OPTIONS"),
        ({"QUEUES": ["default", "Send_Mail"]}, "E002", "Queue 'Send_Mail' cannot be", "TASKS['default']['QUEUES']"),
        ({"QUEUES": [1]}, "E002", "Queue 1 cannot be", "QUEUES"),
        (
            {"OPTIONS": {"ENQUEUE": "later"}},
            "E001",
            "ENQUEUE must be one of immediate, on_commit, outbox, not",
            "OPTIONS",
        ),
        ({"OPTIONS": {"DATABASE": "other"}}, "E001", "DATABASE must be an alias of DATABASES, not 'other'", "OPTIONS"),
        ({"OPTIONS": {"STORAGE": "other"}}, "E001", "STORAGE must be an alias of STORAGES, not 'other'", "OPTIONS"),
        ({"OPTIONS": {"STORAGE_MAX_BYTES": 1e9}}, "E001", "STORAGE_MAX_BYTES must be a whole number from 0", "OPTIONS"),
        ({"OPTIONS": {"HISTORY_DAYS": 0}}, "E001", "HISTORY_DAYS must be a whole number from 1, not 0", "OPTIONS"),
        ({"OPTIONS": {"HISTORY_ROWS": "many"}}, "E001", "HISTORY_ROWS must be a whole number from 1", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_LINKS": ["x"]}}, "E001", "ADMIN_LINKS must be addresses by their titles", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_LINKS": {"x": "javascript:alert(1)"}}}, "E001", "ADMIN_LINKS must be", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_LINKS": {"x": "https://x/{pods}"}}}, "E001", "ADMIN_LINKS must be", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_LINKS": {"x": "https://x/{pod!r}"}}}, "E001", "ADMIN_LINKS must be", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_LINKS": {"x": "https://x/{pod.__class__}"}}}, "E001", "ADMIN_LINKS must be", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_LINKS": {"x": "https://x/{"}}}, "E001", "ADMIN_LINKS must be", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_HIDE": "("}}, "E001", "ADMIN_HIDE must be a regular expression, or the path", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_HIDE": ""}}, "E001", "ADMIN_HIDE must be", "OPTIONS"),
        ({"OPTIONS": {"ADMIN_HIDE": ["iban"]}}, "E001", "ADMIN_HIDE must be", "OPTIONS"),
        (
            {"OPTIONS": {"ADMIN_HIDE": "nowhere.hide"}},
            "E006",
            "a function that is not found: No module named",
            "OPTIONS",
        ),
        ({"OPTIONS": {"ADMIN_HIDE": "os.hide"}}, "E006", 'is not found: Module "os" does not define', "OPTIONS"),
        ({"OPTIONS": {"ADMIN_HIDE": "os.sep"}}, "E006", "must lead to a function, and os.sep is '/'", "OPTIONS"),
        ({"alias": "x" * 254}, "E003", "The alias must have 1 to 253 characters.", "TASKS"),
    ],
)
def test_check_reports_wrong_settings(params: dict[str, Any], id_: str, message: str, hint: str) -> None:
    with settings(**params):
        (found,) = list(check_tasks())
    assert found.id == f"djangotasks.{id_}"
    assert message in found.msg
    assert hint in (found.hint or "")


@pytest.mark.parametrize("hide", ["iban", "iban|bic", "iban[.]bic", "os.getcwd", None])
def test_check_passes_for_what_the_admin_hides(hide: str | None) -> None:
    with settings(OPTIONS={"ADMIN_HIDE": hide}):
        assert list(check_tasks()) == []


def test_check_reports_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_tasks_kubernetes.checks.find_spec", lambda name: None)
    (found,) = list(check_tasks())
    assert (found.id, found.hint) == ("djangotasks.E004", "Install it: pip install kubernetes.")


def test_check_reports_a_history_without_the_app() -> None:
    with settings(OPTIONS={"HISTORY_DAYS": 30}):
        assert list(check_tasks()) == []
        with override_settings(INSTALLED_APPS=[]):
            (found,) = check_tasks()
    assert (found.id, found.msg) == ("djangotasks.E005", "HISTORY_DAYS is set, and the history has no table.")


def test_check_reports_an_outbox_without_the_app() -> None:
    with settings(OPTIONS={"ENQUEUE": "outbox"}):
        assert list(check_tasks()) == []
        with override_settings(INSTALLED_APPS=[]):
            (found,) = check_tasks()
    assert (found.id, "manage.py migrate" in str(found.hint)) == ("djangotasks.E005", True)
