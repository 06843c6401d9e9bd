"""An image's tag changes with its inputs, and with nothing else."""

from pathlib import Path

import pytest

from tools.cluster.errors import ProviderError
from tools.cluster.images import INPUTS, ROOT, Target, digest, full_name, image_ref


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("1")
    (tmp_path / "lock").write_text("2")
    return tmp_path


PATHS = ("lock", "src")


def test_what_is_no_input_changes_nothing(tree: Path) -> None:
    before = digest(tree, PATHS)
    (tree / "README").write_text("3")
    (tree / "src" / "__pycache__").mkdir()
    (tree / "src" / "__pycache__" / "a.pyc").write_text("4")
    (tree / "src" / "b.pyc").write_text("5")
    (tree / "src" / "a.py").touch()
    assert digest(tree, reversed(PATHS)) == before


def test_every_input_changes_it(tree: Path) -> None:
    seen = [digest(tree, PATHS), digest(tree, PATHS, salt="another base")]
    (tree / "src" / "a.py").write_text("11")
    seen.append(digest(tree, PATHS))
    (tree / "src" / "a.py").rename(tree / "src" / "b.py")
    seen.append(digest(tree, PATHS))
    (tree / "src" / "b.py").chmod(0o755)
    seen.append(digest(tree, PATHS))
    (tree / "src" / "c.py").touch()
    seen.append(digest(tree, PATHS))
    assert len(set(seen)) == len(seen)


def test_a_missing_input_is_named(tree: Path) -> None:
    with pytest.raises(ProviderError, match="gone"):
        digest(tree, ("gone",))


def test_the_registry_goes_in_front(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGOTASKS_REGISTRY", raising=False)
    assert image_ref("operator").startswith("djangotasks/operator:")
    monkeypatch.setenv("DJANGOTASKS_REGISTRY", "localhost:5000/")
    assert image_ref(Target.OPERATOR).startswith("localhost:5000/djangotasks/operator:")


def test_docker_sees_all_inputs_and_no_others() -> None:
    """.dockerignore lets through what the images are named by: more would be in no tag, less in no image."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_through = {line[1:] for line in lines if line.startswith("!")}
    inputs = {path for paths in INPUTS.values() for path in paths}
    assert let_through == inputs - {"Dockerfile", ".dockerignore"}


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        ("djangotasks/operator:1", "docker.io/djangotasks/operator:1"),
        ("localhost/a:1", "localhost/a:1"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b:1"),
        ("registry.example.com/a:1", "registry.example.com/a:1"),
    ],
)
def test_a_name_gets_the_registry_that_it_lacks(ref: str, name: str) -> None:
    assert full_name(ref) == name
