"""What no pod could import or run is refused where it is defined or enqueued."""

import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module, reload
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.tasks import task
from django.tasks.exceptions import InvalidTask
from django.test import override_settings

from django_tasks_kubernetes.codec import find
from django_tasks_kubernetes.codec.decode import decode
from django_tasks_kubernetes.enqueue import validation
from django_tasks_kubernetes.enqueue.validation import validate_readable
from django_tasks_kubernetes.exceptions import InvalidResource
from django_tasks_kubernetes.testing import in_memory
from tests.unit.backend import tasks


@pytest.mark.parametrize(
    ("function", "name", "message"),
    [
        (tasks.make_local(), None, "Task function must be defined at a module level."),
        (lambda: None, "<lambda>", "cannot be imported by that path"),
        (tasks.Holder.method, None, "cannot be imported by that path"),
    ],
)
def test_task_refuses_functions_that_no_pod_could_import(function: Any, name: str | None, message: str) -> None:
    if name:
        function.__qualname__ = name
    with pytest.raises(InvalidTask, match=re.escape(message)):
        task(function)


def test_task_refuses_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.plain, "__module__", "__main__")
    with pytest.raises(InvalidTask, match="defined in __main__, which a pod cannot import"):
        task(tasks.plain)


def test_task_refuses_a_long_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.plain, "__module__", "m" * 512)
    with pytest.raises(InvalidTask, match=r"518 characters\. 512 are allowed"):
        task(tasks.plain)


@pytest.mark.parametrize("name", ["Mail", "send_mail", "x" * 64, "-mail", "mail.de", ""])
def test_using_refuses_a_wrong_queue_name(name: str) -> None:
    with (
        override_settings(TASKS={"default": {"BACKEND": "django_tasks_kubernetes.KubernetesBackend", "QUEUES": []}}),
        pytest.raises(InvalidTask, match="Use lower-case letters, digits and hyphens"),
    ):
        tasks.echo.using(queue_name=name)


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Any]]:
    """Imports the task of a module that is on the path, and in no package of the project."""
    (tmp_path / "elsewhere_tasks.py").write_text("from django.tasks import task\n\n@task\ndef run(): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda: import_module("elsewhere_tasks").run
    sys.modules.pop("elsewhere_tasks", None)


SAYS = re.escape("add it to INSTALLED_APPS if it is an app of yours, or import it in an AppConfig.ready()")


def test_enqueue_refuses_a_task_whose_result_could_not_be_read(foreign: Callable[[], Any]) -> None:
    """In the words in which reading it is refused, and before anything is sent: there is no cluster here."""
    found = foreign()
    with pytest.raises(InvalidTask, match=f"run could not be read: the module elsewhere_tasks is in none.*{SAYS}"):
        found.enqueue()
    sys.modules.pop("elsewhere_tasks")
    resource: Any = {"metadata": {"name": "t"}, "spec": {"task": "elsewhere_tasks.run"}}
    with pytest.raises(InvalidResource, match=f"is in none of the project's packages.*{SAYS}"):
        decode(resource, alias="default")


def test_enqueue_takes_a_task_that_is_imported_while_django_is_set_up(
    foreign: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apps, "ready", False)
    found = foreign()
    monkeypatch.setattr(apps, "ready", True)
    validate_readable(found)


def test_tasks_in_memory_are_those_of_any_module(foreign: Callable[[], Any]) -> None:
    with in_memory() as cluster:
        foreign().enqueue()
        assert [result.return_value for result in cluster.run_pending()] == [1]


def test_where_a_cluster_would_refuse_them_that_is_logged_once(
    foreign: Callable[[], Any], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "_noted", set())
    monkeypatch.setattr(find, "_imported_early", set())
    found = foreign()
    with override_settings(TASKS={"default": {"BACKEND": "django_tasks_kubernetes.LocalBackend"}}):
        tasks.echo.enqueue()
        for _ in range(2):
            assert found.enqueue().return_value == 1
    (said,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert re.match(f"A KubernetesBackend would refuse this: .*elsewhere_tasks is in none.*{SAYS}", said)


def test_a_task_of_a_module_that_was_imported_again_is_said_to_be_one(foreign: Callable[[], Any]) -> None:
    """As notebooks with %autoreload do it, and `manage.py shell` after importlib.reload()."""
    found = foreign()
    with in_memory():
        reload(sys.modules["elsewhere_tasks"])
        with pytest.raises(InvalidTask, match=r"another elsewhere_tasks\.run by now.*Import the task again"):
            found.enqueue()
        foreign().enqueue()


def test_a_generator_function_is_no_task() -> None:
    def yields() -> Any:
        yield 1

    async def yields_async() -> Any:
        yield 1

    for function in (yields, yields_async):
        function.__qualname__ = function.__name__
        with pytest.raises(InvalidTask, match="is a generator function"):
            task(function)
