"""A cluster that is there already: which kubectl fits it, and how an image gets into it."""

from __future__ import annotations

import json

import pytest

from tests.support.machine import Machine
from tools.cluster import programs
from tools.cluster.current import CurrentProvider, load
from tools.cluster.engine import Engine
from tools.cluster.errors import ProviderError
from tools.cluster.progress import Progress

REF = "djangotasks/operator:1"


@pytest.mark.parametrize(
    ("context", "registry", "calls"),
    [
        ("k3d-dev", "", [f"k3d image import {REF} --cluster dev"]),
        ("minikube", "", [f"minikube image load {REF}"]),
        ("production", "registry.example.com", [f"podman push {REF}"]),
        ("kind-a", "registry.example.com", [f"podman push {REF}"]),
    ],
)
def test_an_image_gets_into_the_cluster(machine: Machine, context: str, registry: str, calls: list[str]) -> None:
    for name in ("k3d", "minikube", "podman"):
        machine.add(name, {"*": "true"})
    load(Engine("podman"), context, REF, registry=registry)
    assert machine.calls() == calls


def test_an_image_gets_into_a_kind_cluster_of_another_name(machine: Machine) -> None:
    machine.add("podman", {"save *": "true"})
    machine.add("kind", {"load image-archive *": "true"})
    load(Engine("podman"), "kind-a-b", REF, registry="")
    save, loaded = machine.calls()
    assert save.endswith(f" docker.io/{REF}")
    assert loaded.endswith(" --name a-b")


def test_where_no_way_is_known_the_setting_is_named() -> None:
    with pytest.raises(ProviderError, match="DJANGOTASKS_REGISTRY"):
        load(Engine("docker"), "production", REF, registry="")


@pytest.mark.parametrize(
    ("client", "server", "taken"), [("1.33.1", "v1.33.4-gke.1", True), ("1.30.0", "v1.33.4-gke.1", False)]
)
def test_kubectl_fits_the_cluster_and_not_the_settings(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, client: str, server: str, taken: bool
) -> None:
    built = machine.folder / "built"

    def build(name: str, state: object, progress: object, version: str = "") -> object:
        assert (name, version) == ("kubectl", "1.33.4")
        return built

    monkeypatch.setattr(programs, "build", build)
    monkeypatch.setenv("DJANGOTASKS_CLUSTER_CONTEXT", "minikube")
    answer = machine.write("answer", json.dumps({"serverVersion": {"gitVersion": server}}))
    says = {"version --client": f"echo Client Version: v{client}", "*--output=json": f"cat {answer}"}
    there = machine.add("kubectl", says)
    assert CurrentProvider(Progress()).program("kubectl") == (there if taken else built)
