"""A Chromium is found, or Debian's is installed, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.machine import Machine, machine
from tools import browser
from tools.browser import ensure_chromium
from tools.cluster import Progress, ProviderError

__all__ = ["machine"]


@pytest.fixture(autouse=True)
def _root(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "MAC", machine.folder / "none")
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_the_one_that_is_named_is_taken(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.add("chromium", {})
    monkeypatch.setenv("CHROMIUM", "/opt/mine")
    assert ensure_chromium(Progress()) == Path("/opt/mine")


def test_one_on_the_path_is_taken(machine: Machine) -> None:
    chrome = machine.add("google-chrome", {})
    assert ensure_chromium(Progress()) == chrome
    assert machine.calls() == []


def test_debians_is_installed_where_there_is_none(machine: Machine) -> None:
    made = machine.path / "chromium"
    apt = machine.add("apt-get", {"*update*": ":", "*install*": f"printf '#!/bin/sh' > {made}; chmod 755 {made}"})
    assert apt.exists()
    assert ensure_chromium(Progress()) == made
    assert ensure_chromium(Progress()) == made
    assert [call.split()[4] for call in machine.calls("apt-get")] == ["update", "install"]


@pytest.mark.parametrize("user", [0, 1000])
def test_where_none_can_be_installed_it_says_what_to_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if user:
        machine.add("apt-get", {})
    with pytest.raises(ProviderError, match="set CHROMIUM to its path"):
        ensure_chromium(Progress())
    assert machine.calls() == []
