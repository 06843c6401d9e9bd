"""Which provider is used where."""

import pytest

from tests.support.machine import Machine
from tools.cluster.choose import choose, provider_name
from tools.cluster.errors import ProviderError


@pytest.mark.parametrize(
    ("wanted", "engine", "linux", "root", "name"),
    [
        ("", True, True, True, "kind"),
        ("", True, False, False, "kind"),
        ("", False, True, True, "native"),
        ("native", True, True, True, "native"),
        ("current", False, False, False, "current"),
    ],
)
def test_provider(wanted: str, engine: bool, linux: bool, root: bool, name: str) -> None:
    assert provider_name(wanted, engine=engine, linux=linux, root=root) == name


@pytest.mark.parametrize(
    ("wanted", "linux", "root", "says"),
    [("", True, False, "podman info"), ("", False, True, "podman info"), ("k3s", True, True, "kind, native, current")],
)
def test_no_provider(wanted: str, linux: bool, root: bool, says: str) -> None:
    with pytest.raises(ProviderError, match=says):
        provider_name(wanted, engine=False, linux=linux, root=root)


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_an_engine_of_either_kind_is_enough_for_kind(machine: Machine, engine: str) -> None:
    machine.add(engine, {"info": "true", "--version": f"echo {engine} version 1.0.0"})
    assert choose().name == "kind"
