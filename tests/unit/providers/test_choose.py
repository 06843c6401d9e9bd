"""Which provider is used where, and which command loads an image there."""

import pytest

from tests.cluster.providers.choose import provider_name
from tests.cluster.providers.current import load_command
from tests.cluster.providers.errors import ProviderError
from tests.cluster.providers.kind import gateway


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
    [("", True, False, "docker info"), ("", False, True, "docker info"), ("k3s", True, True, "kind, native, current")],
)
def test_no_provider(wanted: str, linux: bool, root: bool, says: str) -> None:
    with pytest.raises(ProviderError, match=says):
        provider_name(wanted, engine=False, linux=linux, root=root)


@pytest.mark.parametrize(
    ("context", "registry", "start"),
    [
        ("kind-a-b", "", ("kind", "load", "docker-image", "x:1", "--name", "a-b")),
        ("k3d-dev", "", ("k3d", "image", "import", "x:1", "--cluster", "dev")),
        ("minikube", "", ("minikube", "image", "load", "x:1")),
        ("production", "registry.example.com", ("docker", "push", "x:1")),
        ("kind-a", "registry.example.com", ("docker", "push", "x:1")),
    ],
)
def test_load_command(context: str, registry: str, start: tuple[str, ...]) -> None:
    assert load_command(context, "x:1", registry=registry) == start


def test_load_command_says_what_to_set() -> None:
    with pytest.raises(ProviderError, match="DJANGOTASKS_REGISTRY"):
        load_command("production", "x:1", registry="")


def test_gateway_is_the_ipv4_one() -> None:
    config = [{"Subnet": "fc00::/64", "Gateway": "fc00::1"}, {"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]
    assert gateway([{"IPAM": {"Config": config}}]) == "172.18.0.1"
    assert gateway([{"IPAM": {"Config": None}}]) is None
