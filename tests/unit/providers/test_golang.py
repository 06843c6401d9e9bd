"""What is built from Go modules, and from which go.mod."""

import io
import json
import tarfile

import pytest

from tests.cluster.providers.golang import modfile, pause
from tests.cluster.providers.golang.recipes import recipe_of, recipes
from tests.cluster.providers.golang.toolchain import new_enough
from tests.cluster.providers.settings import Versions, versions

KUBERNETES = """\
module k8s.io/kubernetes

go 1.26.0

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/client-go => ./staging/src/k8s.io/client-go
	example.com/other => example.com/fork v1.0.0
)
"""


def test_staging_modules_are_replaced_by_what_is_published_of_them() -> None:
    assert modfile.staging_replaces(KUBERNETES, "1.37.2") == (
        "replace k8s.io/api => k8s.io/api v0.37.2\nreplace k8s.io/client-go => k8s.io/client-go v0.37.2\n"
    )


def test_godebug_follows_the_modules_go() -> None:
    assert modfile.godebug(KUBERNETES) == "godebug default=go1.26\n"
    assert modfile.godebug("module x\n") == ""


def test_go_mod() -> None:
    assert modfile.render({"example.com/m": "1.2.3"}, ("example.com/m/cmd/a",), "replace …\n") == (
        "module build\ngo 1.26.0\nrequire example.com/m v1.2.3\ntool example.com/m/cmd/a\nreplace …\n"
    )


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("go version go1.26.8 linux/amd64", True),
        ("go version go1.21 linux/arm64", True),
        ("go version go1.19.8 linux/amd64", False),
        ("go version devel", False),
    ],
)
def test_which_go_can_fetch_another(text: str, enough: bool) -> None:
    assert new_enough(text) is enough


def test_programs_have_one_recipe_each() -> None:
    programs = [program for recipe in recipes(Versions()).values() for program in recipe.programs]
    assert len(set(programs)) == len(programs)
    kubectl = recipe_of("kubectl", Versions(kubernetes="1.36.0"))
    assert kubectl is not None
    assert "k8s.io/component-base/version.gitVersion=v1.36.0" in kubectl.variables
    assert recipe_of("docker", Versions()) is None


def test_versions_can_be_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGOTASKS_KUBERNETES_VERSION", "1.36.1")
    assert versions() == Versions(kubernetes="1.36.1")


def test_pause_archive_names_its_layer() -> None:
    with tarfile.open(fileobj=io.BytesIO(pause.archive(b"program", "local/pause:1", "arm64"))) as tar:
        (manifest,) = json.load(_member(tar, "manifest.json"))
        config = json.load(_member(tar, manifest["Config"]))
        layer = _member(tar, manifest["Layers"][0])
        with tarfile.open(fileobj=layer) as files:
            assert _member(files, "pause").read() == b"program"
    assert (manifest["RepoTags"], config["architecture"]) == (["local/pause:1"], "arm64")


def _member(tar: tarfile.TarFile, name: str) -> io.BytesIO:
    file = tar.extractfile(name)
    assert file is not None
    return io.BytesIO(file.read())
