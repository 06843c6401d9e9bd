"""The project's images: named by a digest of what goes into them, so that the same tree is built once."""

from __future__ import annotations

import enum
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from tools.cluster.errors import ProviderError
from tools.cluster.settings import setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tools.cluster.base import Provider

ROOT = Path(__file__).parents[2]
DIGITS = 12
SKIPPED = frozenset({"__pycache__", ".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"})
SERVICES = "tools/cluster/services"


class Target(enum.Enum):
    """A target of the Dockerfile."""

    OPERATOR = "operator"
    EXAMPLE = "example"
    SERVICES = "services"
    CLIENTS = "clients"


# Under this name a build gets the certificates of this machine.
CERTIFICATES_SECRET = "certificates"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Arguments of the Dockerfile, and the variables that set them, for a machine that takes packages from elsewhere than
# the public registries. The first that is set counts.
INDEXES = {
    "PIP_INDEX_URL": ("PIP_INDEX_URL",),
    "UV_DEFAULT_INDEX": ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"),
}
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
        "examples/shop/manage.py",
        "examples/shop/shop",
    ),
    Target.SERVICES: (*COMMON, SERVICES),
    Target.CLIENTS: (
        *COMMON,
        "crds/README.md",
        "crds/src",
        "backend/README.md",
        "backend/src",
        "examples/shop/manage.py",
        "examples/shop/shop",
        "tools/__init__.py",
        "tools/clients",
    ),
}


def full_name(ref: str) -> str:
    """Return an image's name with its registry, as the kubelet asks for it.

    Docker takes both for the same. Podman and containerd do not: without a registry Podman means `localhost`.
    """
    first = ref.partition("/")[0]
    has_registry = "/" in ref and ("." in first or ":" in first or first == "localhost")
    return ref if has_registry else f"docker.io/{ref}"


def build_arguments() -> dict[str, str]:
    """Return the arguments of the Dockerfile that the environment sets."""
    found = {name: [os.environ[v] for v in variables if os.environ.get(v)] for name, variables in INDEXES.items()}
    return {name: values[0] for name, values in found.items() if values}


def certificates() -> Path | None:
    """Return the file of the authorities that this machine trusts: the build's steps trust them too."""
    candidates = (Path(os.environ.get("SSL_CERT_FILE") or SYSTEM_CERTIFICATES), SYSTEM_CERTIFICATES)
    return next((path for path in candidates if path.is_file()), None)


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
