"""The project's images: named by a digest of what goes into them, so that the same tree is built once."""

from __future__ import annotations

import enum
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cluster.providers.errors import ProviderError
from tests.cluster.providers.settings import setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.cluster.providers.base import Provider

ROOT = Path(__file__).parents[3]
DIGITS = 12
SKIPPED = frozenset({"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
SERVICES = "tests/cluster/providers/services"


class Target(enum.Enum):
    """A target of the Dockerfile."""

    OPERATOR = "operator"
    EXAMPLE = "example"
    SERVICES = "services"


# uv needs every member's pyproject.toml to read the lock file.
COMMON = (
    "Dockerfile",
    ".dockerignore",
    "uv.lock",
    "pyproject.toml",
    "crds/pyproject.toml",
    "operator/pyproject.toml",
    "backend/pyproject.toml",
)
INPUTS = {
    Target.OPERATOR: (*COMMON, "crds/README.md", "crds/src", "operator/README.md", "operator/src"),
    Target.EXAMPLE: (
        *COMMON,
        "crds/README.md",
        "crds/src",
        "backend/README.md",
        "backend/src",
        "tests/example/manage.py",
        "tests/example/shop",
    ),
    Target.SERVICES: (*COMMON, SERVICES),
}


def image_ref(target: Target | str, root: Path = ROOT) -> str:
    """Return the image's name and tag for the tree as it is now, like `djangotasks/operator:1f3a…`."""
    target = Target(target)
    tag = digest(root, INPUTS[target], salt=setting("BASE_IMAGE"))[:DIGITS]
    registry = setting("REGISTRY").rstrip("/")
    return "/".join(part for part in (registry, "djangotasks", f"{target.value}:{tag}") if part)


def ensure_image(provider: Provider, target: Target | str, *, load: bool = True) -> str:
    """Build an image of the tree and load it into the cluster, unless both are done; return its name.

    It is built from a copy of the tree, so that an edit meanwhile cannot get into it under the wrong tag.
    """
    target = Target(target)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        for file in set(_files(ROOT, INPUTS[target])):
            copy = context / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)
        ref = image_ref(target, context)
        provider.build_image(target, ref, context)
    if load:
        provider.load_image(ref)
    return ref


def digest(root: Path, paths: Iterable[str], *, salt: str = "") -> str:
    """Return a digest of the names, contents and executable bits of all files below the paths."""
    total = hashlib.sha256(salt.encode())
    for file in sorted(set(_files(root, paths))):
        executable = os.access(file, os.X_OK)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        total.update(f"\n{file.relative_to(root)} {executable} {content}".encode())
    return total.hexdigest()


def _files(root: Path, paths: Iterable[str]) -> Iterator[Path]:
    for name in paths:
        path = root / name
        if not path.exists():
            raise ProviderError(f"{path} is missing, and the images are made from it")
        if path.is_file():
            yield path
        for folder, folders, files in path.walk():
            folders[:] = [entry for entry in folders if entry not in SKIPPED]
            yield from (folder / file for file in files if not file.endswith(".pyc"))
