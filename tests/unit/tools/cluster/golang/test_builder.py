"""What is built when, by a go that only looks like one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.machine import Machine, machine
from tools.cluster.errors import ProviderError
from tools.cluster.golang import estimate
from tools.cluster.golang.builder import Builder, done_text
from tools.cluster.golang.recipes import recipes
from tools.cluster.progress import Progress
from tools.cluster.settings import Versions

__all__ = ["machine"]

NATIVE = ("kubernetes", "kubectl", "containerd")
GO = {
    "version": "echo go version go1.26.0 linux/amd64",
    "mod download *": """echo '{"Dir": "/", "GoMod": "'$here'/kubernetes.mod"}'""",
    "list *": "echo go: downloading example.com/a v1.0.0; echo example.com/a; echo example.com/b",
    "build *": """for word; do
        [ "$before" = -o ] && out=$word; before=$word
        case $word in */server/v3) touch $out/server;; [a-z]*/*) touch $out/${word##*/};; esac
        done""",
}


@pytest.fixture
def builder(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Builder:
    monkeypatch.setattr(estimate, "probe", lambda: estimate.REFERENCE_PROBE_SECONDS)
    machine.add("go", GO)
    machine.write("kubernetes.mod", "module k8s.io/kubernetes\n\ngo 1.26.0\n")
    return Builder(machine.folder / "state", Progress())


def test_a_cluster_is_built_in_one_go_and_once(
    machine: Machine, builder: Builder, capsys: pytest.CaptureFixture[str]
) -> None:
    known = recipes(Versions())
    for _ in range(2):
        builder.ensure(*(known[name] for name in NATIVE))
    assert len(machine.calls("go build")) == 1
    assert {path.name for path in builder.bin.iterdir()} == {p for name in NATIVE for p in known[name].programs}
    assert "2 packages to compile, about " in capsys.readouterr().err


def test_a_program_of_another_version_is_built_and_the_others_are_kept(machine: Machine, builder: Builder) -> None:
    builder.ensure(*(recipes(Versions())[name] for name in NATIVE))
    builder.ensure(*(recipes(Versions(containerd="9.9.9"))[name] for name in NATIVE))
    _, second = machine.calls("go build")
    assert "cmd/containerd" in second
    assert "kube" not in second


def test_versions_that_may_not_fit_together_are_built_each_by_itself(machine: Machine, builder: Builder) -> None:
    known = recipes(Versions(kubernetes="1.34.0"))
    builder.ensure(*(known[name] for name in NATIVE))
    assert len(machine.calls("go build")) == 2
    assert "helm" not in Path(machine.folder, "state", "build", "kubernetes", "go.mod").read_text()


def test_a_build_that_fails_says_why_and_leaves_nothing_that_counts_as_built(
    machine: Machine, builder: Builder
) -> None:
    machine.add("go", GO | {"build *": "echo no space left on device >&2; exit 1"})
    helm = recipes(Versions())["helm"]
    with pytest.raises(ProviderError, match="`go build` failed") as caught:
        builder.ensure(helm)
    assert "no space left on device" in str(caught.value)
    machine.add("go", GO)
    builder.ensure(helm)
    assert json.loads(Path(machine.folder, "state", "versions.json").read_text()) == {"helm": helm.version}


@pytest.mark.parametrize(
    ("done", "elapsed", "says"),
    [
        (0, 20, "0 of 300 packages compiled"),
        (100, 60, "100 of 300 packages compiled, about 2 min left"),
        (299, 299, "299 of 300 packages compiled, about 1 s left"),
        (310, 310, "310 of 300 packages compiled, about 0 s left"),
    ],
)
def test_progress_says_what_is_left_as_it_goes_here(done: int, elapsed: float, says: str) -> None:
    assert done_text(done, 300, elapsed) == says
