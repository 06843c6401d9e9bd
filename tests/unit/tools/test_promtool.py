"""A promtool is found, or taken out of Debian's package, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.machine import Machine, machine
from tools.cluster import Progress, ProviderError
from tools.promtool import ensure_promtool

__all__ = ["machine"]


@pytest.fixture(autouse=True)
def _root(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMTOOL", raising=False)
    monkeypatch.setenv("DJANGOTASKS_CLUSTER_STATE", str(machine.folder / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_the_one_that_is_named_is_taken(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = machine.add("promtool", {})
    assert ensure_promtool(Progress()) == on_path
    monkeypatch.setenv("PROMTOOL", "/opt/mine")
    assert ensure_promtool(Progress()) == Path("/opt/mine")
    assert machine.calls() == []


def test_debians_is_unpacked_where_there_is_none(machine: Machine) -> None:
    machine.add("apt-get", {"*update*": ":", "*download*": ": > prometheus_2.42.deb"})
    folders = '"$3/usr/bin"; echo > "$3/usr/bin/promtool"'
    machine.add("dpkg-deb", {"--extract*": f"/bin/mkdir -p {folders}"})
    made = ensure_promtool(Progress())
    assert made.is_file()
    assert ensure_promtool(Progress()) == made
    assert [call.split()[4] for call in machine.calls("apt-get")] == ["update", "download"]


@pytest.mark.parametrize("user", [0, 1000])
def test_where_none_can_be_unpacked_it_says_what_to_do(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    if user:
        machine.add("apt-get", {})
    with pytest.raises(ProviderError, match="set PROMTOOL to its path"):
        ensure_promtool(Progress())
    assert machine.calls() == []
