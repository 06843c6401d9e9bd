"""The kind provider, with an engine and a kind that only look like ones."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest

from tests.support.machine import Machine
from tools.cluster import kind, kwok, programs
from tools.cluster.engine import Engine
from tools.cluster.errors import ProviderError
from tools.cluster.kind import NODE, KindProvider
from tools.cluster.progress import Progress

pytestmark = pytest.mark.thorough

AUTHORITY = "the authority"
KUBECONFIG = base64.b64encode(AUTHORITY.encode()).decode()
ENGINE = {
    "buildx version": "true",
    f"container inspect {NODE}": "test -e $here/node",
    f"container inspect --format *Running* {NODE}": "test ! -e $here/stopped && echo true || echo false",
    f"exec {NODE} cat /kind/version": "cat $here/version",
    f"exec {NODE} cat /etc/kubernetes/pki/ca.crt": f"printf %s '{AUTHORITY}'",
    f"exec {NODE} kubectl *wait*": "test -e $here/ready",
    f"exec {NODE} kubectl *get*": "echo the node is NotReady",
    f"exec {NODE} crictl inspecti -q *": 'shift 5; grep -qx "$1" $here/images',
    f"cp {NODE}:/usr/bin/kubectl *": 'cp $here/kubectl-of-the-node "$3"',
    "save *": 'touch "$3"',
}
READY_AT_THE_SECOND_TIME = "test -e $here/ready || { touch $here/ready; false; }"
KIND = {
    "version": "echo kind v0.33.0",
    "create cluster*": f"""touch $here/node; echo {KUBECONFIG} > $KUBECONFIG
        for word; do case $word in kindest/node:*) echo ${{word#*:}} > $here/version;; esac; done""",
    "delete cluster*": "rm $here/node",
    "load image-archive*": "echo provider $KIND_EXPERIMENTAL_PROVIDER >> $here/calls",
}


@pytest.fixture(params=["docker", "podman"])
def provider(request: pytest.FixtureRequest, machine: Machine) -> KindProvider:
    """There is no cluster yet. One that is made is ready, and has Kubernetes 1.37.0."""
    machine.add(request.param, ENGINE)
    machine.add("kind", KIND)
    machine.write("version", "v1.37.0\n")
    machine.write("images")
    machine.write("ready")
    return KindProvider(Progress(), Engine(request.param))


def test_a_cluster_is_made_once(machine: Machine, provider: KindProvider) -> None:
    assert not provider.healthy()
    provider.up()
    provider.up()
    assert len(machine.calls("kind create")) == 1
    assert provider.healthy()


def test_a_cluster_of_another_version_than_asked_for_is_replaced(
    machine: Machine, provider: KindProvider, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    provider.up()
    monkeypatch.setenv("DJANGOTASKS_KUBERNETES_VERSION", "1.34.0")
    provider.up()
    provider.up()
    *_, made = machine.calls("kind create")
    assert "--image kindest/node:v1.34.0" in made
    assert len(machine.calls("kind create")) == 2
    assert "has Kubernetes 1.37.0 and not 1.34.0, so replaced" in capsys.readouterr().err


def test_a_cluster_that_is_too_busy_to_answer_at_once_stays(machine: Machine, provider: KindProvider) -> None:
    """Its tests go on: it was replaced under them."""
    provider.up()
    (machine.folder / "ready").unlink()
    machine.add(provider._engine.program, ENGINE | {f"exec {NODE} kubectl *wait*": READY_AT_THE_SECOND_TIME})
    provider.up()
    assert len(machine.calls("kind create")) == 1


def test_a_cluster_that_is_stopped_is_replaced_at_once(machine: Machine, provider: KindProvider) -> None:
    provider.up()
    machine.write("stopped")
    provider.up()
    assert len(machine.calls("kind create")) == 2


def test_a_cluster_that_does_not_answer_is_replaced(
    machine: Machine, provider: KindProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kind, "PATIENCE_SECONDS", 0.0)
    provider.up()
    (machine.folder / "ready").unlink()
    with pytest.raises(ProviderError):
        provider.up()
    assert [call.split()[1] for call in machine.calls("kind")].count("delete") == 1


def test_a_cluster_that_is_not_ready_in_time_is_an_error_with_its_nodes(
    machine: Machine, provider: KindProvider
) -> None:
    """kind itself only warns, and ends with 0."""
    (machine.folder / "ready").unlink()
    with pytest.raises(ProviderError, match="not ready after 180 s") as caught:
        provider.up()
    assert "the node is NotReady" in str(caught.value)


def test_a_kubeconfig_of_an_earlier_cluster_is_not_taken(provider: KindProvider) -> None:
    provider.up()
    provider.kubeconfig.write_text("of another cluster")
    assert not provider.healthy()


def test_a_docker_that_cannot_build_is_refused_before_a_cluster_is_made(machine: Machine) -> None:
    machine.add("docker", ENGINE | {"buildx version": "exit 1", "--version": "echo Docker version 28.2.2"})
    machine.add("kind", KIND)
    with pytest.raises(ProviderError, match="buildx"):
        KindProvider(Progress(), Engine("docker")).up()
    assert not machine.calls("kind create")


def test_an_image_is_loaded_for_the_engine_that_has_it(machine: Machine, provider: KindProvider) -> None:
    provider.up()
    provider.load_image("djangotasks/operator:1")
    (engine,) = {call.split()[0] for call in machine.calls("docker", "podman")}
    (save,) = machine.calls(f"{engine} save")
    assert save.endswith(" docker.io/djangotasks/operator:1")
    assert len(machine.calls("kind load image-archive")) == 1
    assert machine.calls("provider") == [f"provider {engine}"]


def test_an_image_that_the_node_has_is_not_loaded(machine: Machine, provider: KindProvider) -> None:
    provider.up()
    machine.write("images", "docker.io/djangotasks/operator:1\n")
    provider.load_image("djangotasks/operator:1")
    assert not machine.calls("kind load", "docker save", "podman save")
    provider.load_image("djangotasks/operator:11")
    assert machine.calls("kind load")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the node's kubectl does not run")
def test_without_a_kubectl_that_fits_the_node_s_own_is_taken(
    machine: Machine, provider: KindProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "build", lambda *_: pytest.fail("built, though the node has one"))
    says = {"version --client": "echo Client Version: v1.37.0"}
    of_the_node = machine.add("kubectl", says)
    of_the_node.rename(machine.folder / "kubectl-of-the-node")
    provider.up()
    found = provider.program("kubectl")
    assert found.is_relative_to(machine.folder / "state")
    assert provider.program("kubectl") == found
    assert len(machine.calls("docker cp", "podman cp")) == 1
    machine.add("kubectl", {"version --client": "echo Client Version: v1.32.4-dispatcher"})
    assert provider.program("kubectl") == found
    machine.add("kubectl", says)
    assert provider.program("kubectl") == machine.path / "kubectl"


def test_whether_it_is_up_is_answered_without_a_kubectl(
    machine: Machine, provider: KindProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.up()
    monkeypatch.setattr(programs, "build", lambda *_: pytest.fail("status is to change nothing"))
    assert provider.healthy()
    assert not machine.has("state/bin")


@pytest.mark.skipif(sys.platform != "linux", reason="kwok runs on Linux alone")
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_fake_nodes_end_with_the_cluster(provider: KindProvider) -> None:
    from tools.cluster.native.processes import Supervisor

    supervisor = Supervisor(Path(os.environ["DJANGOTASKS_CLUSTER_STATE"]) / "run", Progress())
    provider.up()
    supervisor.start(kwok.PROCESS, "/usr/bin/env", "sleep", "600", namespace=None, path=Path("/usr/bin:/bin"))
    assert supervisor.alive(kwok.PROCESS)
    provider.down()
    assert not supervisor.alive(kwok.PROCESS)
    provider.down()


def test_without_an_engine_the_ways_out_are_named() -> None:
    with pytest.raises(ProviderError, match=r"podman info.*DJANGOTASKS_CLUSTER=native"):
        KindProvider(Progress(), None)
