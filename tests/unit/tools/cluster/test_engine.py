"""Docker and Podman, as they differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import Machine
from tools.cluster import engine, images
from tools.cluster.engine import Engine
from tools.cluster.errors import ProviderError
from tools.cluster.images import Target
from tools.cluster.progress import Progress

ANSWERS, FAILS = {"info": "true"}, {"info": "echo no daemon >&2; exit 1"}
DOCKER, PODMAN = {"--version": "echo Docker version 28.2.2, build 1"}, {"--version": "echo podman version 4.3.1"}
BUILDS = {"image inspect *": "exit 1", "build *": "true", "buildx version": "true"}
REF = "djangotasks/operator:1"


@pytest.mark.parametrize(
    ("programs", "found"),
    [
        pytest.param({"docker": ANSWERS | DOCKER}, "docker", id="Docker"),
        pytest.param({"podman": ANSWERS | PODMAN}, "podman", id="Podman without podman-docker"),
        pytest.param({"docker": ANSWERS | PODMAN, "podman": ANSWERS | PODMAN}, "podman", id="podman-docker"),
        pytest.param({"docker": FAILS | DOCKER, "podman": ANSWERS | PODMAN}, "podman", id="Docker's client alone"),
        pytest.param({"docker": ANSWERS | DOCKER, "podman": ANSWERS | PODMAN}, "docker", id="both"),
        pytest.param({"docker": FAILS | DOCKER}, None, id="no engine"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_the_engine_that_answers_is_found(
    machine: Machine, programs: dict[str, dict[str, str]], found: str | None
) -> None:
    for name, cases in programs.items():
        machine.add(name, cases)
    assert engine.find() == (None if found is None else Engine(found))


@pytest.mark.thorough
def test_an_engine_that_hangs_is_none(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "ANSWER_SECONDS", 0.2)
    machine.add("docker", {"info": "exec sleep 60"})
    assert engine.find() is None


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_an_image_is_built_and_saved_under_its_full_name(machine: Machine, program: str) -> None:
    machine.add(program, BUILDS | {"save *": "true"})
    found = Engine(program)
    found.build(Target.OPERATOR, REF, machine.folder, Progress())
    found.save(REF, machine.folder / "image.tar")
    assert f"{program} image inspect docker.io/{REF}" in machine.calls()
    (build,) = machine.calls(f"{program} build")
    assert f"--target operator --tag docker.io/{REF} " in build
    assert machine.calls(f"{program} save") == [f"{program} save --output {machine.folder}/image.tar docker.io/{REF}"]


def test_an_image_that_is_there_is_not_built(machine: Machine) -> None:
    machine.add("docker", {"image inspect *": "true"})
    Engine("docker").build(Target.OPERATOR, REF, machine.folder, Progress())
    assert not machine.calls("docker build")


def test_a_build_gets_the_package_index_and_the_authorities_of_this_machine(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.add("docker", BUILDS)
    bundle = machine.write("ca.crt")
    monkeypatch.setenv("PIP_INDEX_URL", "https://pypi.example.com/simple")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    Engine("docker").build(Target.OPERATOR, REF, machine.folder, Progress())
    (build,) = machine.calls("docker build")
    assert "--build-arg PIP_INDEX_URL=https://pypi.example.com/simple " in build
    assert "--build-arg UV_DEFAULT_INDEX=https://pypi.example.com/simple " in build
    assert f"--secret id=certificates,src={bundle} " in build


def test_a_machine_without_authorities_of_its_own_passes_none(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.add("docker", BUILDS)
    monkeypatch.setattr(images, "SYSTEM_CERTIFICATES", machine.folder / "none")
    Engine("docker").build(Target.OPERATOR, REF, machine.folder, Progress())
    (build,) = machine.calls("docker build")
    assert "--secret" not in build
    assert "--build-arg" not in build


@pytest.mark.parametrize(
    ("program", "version", "buildx", "refused"),
    [
        ("docker", "Docker version 28.2.2", "exit 1", True),
        ("docker", "Docker version 23.0.0", "exit 1", True),
        ("docker", "Docker version 20.10.24+dfsg1", "exit 1", False),
        ("docker", "Docker version 28.2.2", "true", False),
        ("podman", "podman version 4.3.1", "exit 1", False),
    ],
)
def test_a_docker_that_lacks_buildx_is_refused(
    machine: Machine, program: str, version: str, buildx: str, refused: bool
) -> None:
    machine.add(program, {"--version": f"echo {version}", "buildx version": buildx})
    if refused:
        with pytest.raises(ProviderError, match="docker-buildx"):
            Engine(program).check_can_build()
    else:
        Engine(program).check_can_build()


@pytest.mark.parametrize(
    ("network", "address"),
    [
        pytest.param(
            {"IPAM": {"Config": [{"Gateway": "fc00::1"}, {"Gateway": "172.18.0.1"}]}}, "172.18.0.1", id="Docker"
        ),
        pytest.param({"IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}, None, id="Docker without a gateway"),
        pytest.param({"IPAM": {"Config": None}}, None, id="Docker without a subnet"),
        pytest.param(
            {"subnets": [{"gateway": "fc00::1"}, {"subnet": "10.89.0.0/24", "gateway": "10.89.0.1"}]},
            "10.89.0.1",
            id="Podman",
        ),
        pytest.param({"subnets": None}, None, id="Podman without a subnet"),
    ],
)
def test_the_gateway_is_the_ipv4_one(network: dict[str, Any], address: str | None) -> None:
    assert engine.gateway([network]) == address


@pytest.mark.parametrize("program", ["docker", "podman"])
def test_the_gateway_is_the_machine_where_it_is_an_address_of_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    answer = machine.write("network.json", '[{"subnets": [{"gateway": "127.0.0.1"}]}]')
    machine.add(program, {"network inspect kind": f"cat {answer}"})
    assert Engine(program).host_address("kind") == "127.0.0.1"


def test_a_gateway_that_is_not_this_machine_is_said(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    # Reserved for documentation (RFC 5737): no machine has it.
    answer = machine.write("network.json", '[{"IPAM": {"Config": [{"Gateway": "192.0.2.1"}]}}]')
    machine.add("docker", {"network inspect kind": f"cat {answer}"})
    with pytest.raises(ProviderError, match=r"192\.0\.2\.1, is no address of this machine.*DJANGOTASKS_HOST_ADDRESS"):
        Engine("docker").host_address("kind")


@pytest.mark.parametrize(
    ("program", "name"), [("docker", "host.docker.internal"), ("podman", "host.containers.internal")]
)
def test_elsewhere_the_engine_has_a_name_for_the_machine(
    monkeypatch: pytest.MonkeyPatch, program: str, name: str
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert Engine(program).host_address("kind") == name


def test_every_step_that_fetches_packages_gets_the_authorities() -> None:
    text = Path(images.ROOT, "Dockerfile").read_text().replace("\\\n", " ")
    secret = f"--mount=type=secret,id={images.CERTIFICATES_SECRET},target=/etc/ssl/certs/ca-certificates.crt"
    fetching = [
        line for line in text.splitlines() if any(w in line for w in ("pip install", "--require-hashes", "apt-get"))
    ]
    assert len(fetching) == 5
    assert all(line.startswith("RUN ") and secret in line for line in fetching if not line.startswith("#"))
