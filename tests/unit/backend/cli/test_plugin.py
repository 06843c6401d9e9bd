"""The programs that kubectl finds on the PATH."""

import sys
from collections.abc import Callable

import pytest

from django_tasks_kubernetes.cli import kubectl, plugin


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(sys, "argv", ["kubectl-djangotask", "list", "-A"])
    return ["list", "-A"]


def test_plugin_ends_with_the_code_of_the_verb(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setattr(kubectl, "main", lambda argv: 7 if argv == words else 1)
    with pytest.raises(SystemExit) as end:
        plugin.main()
    assert end.value.code == 7


def test_plugin_prints_completions(
    monkeypatch: pytest.MonkeyPatch, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kubectl, "complete", lambda argv: iter([*argv, ":4"]))
    with pytest.raises(SystemExit) as end:
        plugin.complete()
    assert (end.value.code, capsys.readouterr().out) == (0, "list\n-A\n:4\n")


@pytest.mark.parametrize("program", [plugin.main, plugin.complete])
def test_plugin_names_the_extra_that_is_missing(monkeypatch: pytest.MonkeyPatch, program: Callable[[], None]) -> None:
    monkeypatch.setattr(plugin, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"uv tool install 'django-tasks-kubernetes\[cli\]'"):
        program()
