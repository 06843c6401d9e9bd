"""What is built, and how."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tools.cluster.settings import Versions

if TYPE_CHECKING:
    from collections.abc import Iterable

KUBERNETES = "k8s.io/kubernetes"
CONTAINERD = "github.com/containerd/containerd/v2"
ETCD = "go.etcd.io/etcd/server/v3"
KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)
VERSION_ELEMENT = re.compile(r"v\d+")


@dataclass(frozen=True)
class Recipe:
    """Packages of a module, to be built."""

    name: str
    module: str
    version: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    """The names of the programs, in the order of the packages that they are made of."""
    tags: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    """What the linker sets: package.name=value."""
    requires: tuple[tuple[str, str], ...] = ()
    """The modules, with their versions, of the go.mod in which it is built. Recipes with the same ones are built by one
    `go build`, and what one has compiled the next finds in Go's cache."""


def recipes(versions: Versions) -> dict[str, Recipe]:
    """Return all recipes by name."""
    related = (
        _kubernetes("kubernetes", versions.kubernetes, KUBERNETES_PROGRAMS, {"etcd": ETCD}),
        _kubernetes("kubectl", versions.kubernetes, ("kubectl",)),
        _containerd(versions.containerd),
        _single("helm", "helm.sh/helm/v4", "cmd/helm", versions.helm, "internal/version.version"),
        _single("kwok", "sigs.k8s.io/kwok", "cmd/kwok", versions.kwok),
    )
    alone = (
        _single("kind", "sigs.k8s.io/kind", "", versions.kind),
        _single("versitygw", "github.com/versity/versitygw", "cmd/versitygw", versions.versitygw),
    )
    # The default versions are known to build with the newest of what any of them requires; others may not.
    together = related if versions == Versions() else ()
    all_of_them = (*_required(related, together), *_required(alone, ()))
    return {recipe.name: recipe for recipe in all_of_them}


def recipe_of(program: str, versions: Versions) -> Recipe | None:
    """Return the recipe that makes a program."""
    return next((recipe for recipe in recipes(versions).values() if program in recipe.programs), None)


def executable(package: str) -> str:
    """Return the name that `go build` gives the program of a package: its last element that is no version."""
    *_, before, last = ("", *package.split("/"))
    return before if VERSION_ELEMENT.fullmatch(last) else last


def _required(recipes: Iterable[Recipe], together: Iterable[Recipe]) -> Iterable[Recipe]:
    shared = {recipe.module: recipe.version for recipe in together}
    for recipe in recipes:
        yield replace(recipe, requires=tuple((shared or {recipe.module: recipe.version}).items()))


def _kubernetes(name: str, version: str, programs: tuple[str, ...], others: dict[str, str] | None = None) -> Recipe:
    base = "k8s.io/component-base/version"
    others = others or {}
    return Recipe(
        name=name,
        module=KUBERNETES,
        version=version,
        packages=(*(f"{KUBERNETES}/cmd/{program}" for program in programs), *others.values()),
        programs=(*programs, *others),
        # Without these, clients see v0.0.0-master.
        variables=(
            f"{base}.gitVersion=v{version}",
            f"{base}.gitMajor=1",
            f"{base}.gitMinor={version.split('.')[1]}",
            f"k8s.io/client-go/pkg/version.gitVersion=v{version}",
        ),
    )


def _containerd(version: str) -> Recipe:
    programs = ("containerd", "containerd-shim-runc-v2", "ctr")
    return Recipe(
        name="containerd",
        module=CONTAINERD,
        version=version,
        packages=tuple(f"{CONTAINERD}/cmd/{program}" for program in programs),
        programs=programs,
        tags=("no_btrfs", "no_devmapper", "no_zfs"),
        variables=(f"{CONTAINERD}/version.Version={version}",),
    )


def _single(name: str, module: str, package: str, version: str, variable: str = "") -> Recipe:
    return Recipe(
        name=name,
        module=module,
        version=version,
        packages=(f"{module}/{package}".rstrip("/"),),
        programs=(name,),
        variables=(f"{module}/{variable}=v{version}",) if variable else (),
    )
