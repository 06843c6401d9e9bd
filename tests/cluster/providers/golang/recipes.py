"""What is built, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cluster.providers.settings import Versions

ETCD = "go.etcd.io/etcd/server/v3"
KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)


@dataclass(frozen=True)
class Recipe:
    """A module and the packages of it to build; `programs` are the names of the files this makes."""

    name: str
    module: str
    version: str
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    tags: str = ""
    variables: tuple[str, ...] = ()
    minutes: int = 3  # on 2 cores with nothing cached


def recipes(versions: Versions) -> dict[str, Recipe]:
    """Return all recipes by name."""
    all_of_them = (
        _kubernetes(versions.kubernetes),
        _containerd(versions.containerd),
        _single("helm", "helm.sh/helm/v4", "cmd/helm", versions.helm, "internal/version.version"),
        _single("kwok", "sigs.k8s.io/kwok", "cmd/kwok", versions.kwok),
        _single("kind", "sigs.k8s.io/kind", "", versions.kind),
        _single("versitygw", "github.com/versity/versitygw", "cmd/versitygw", versions.versitygw),
    )
    return {recipe.name: recipe for recipe in all_of_them}


def recipe_of(program: str, versions: Versions) -> Recipe | None:
    """Return the recipe that makes a program."""
    return next((recipe for recipe in recipes(versions).values() if program in recipe.programs), None)


def _kubernetes(version: str) -> Recipe:
    base = "k8s.io/component-base/version"
    # Without these, clients see v0.0.0-master.
    variables = (
        f"{base}.gitVersion=v{version}",
        f"{base}.gitMajor=1",
        f"{base}.gitMinor={version.split('.')[1]}",
        f"k8s.io/client-go/pkg/version.gitVersion=v{version}",
    )
    return Recipe(
        name="kubernetes",
        module="k8s.io/kubernetes",
        version=version,
        packages=(*(f"k8s.io/kubernetes/cmd/{program}" for program in KUBERNETES_PROGRAMS), ETCD),
        programs=(*KUBERNETES_PROGRAMS, "etcd"),
        variables=variables,
        minutes=14,
    )


def _containerd(version: str) -> Recipe:
    module = "github.com/containerd/containerd/v2"
    programs = ("containerd", "containerd-shim-runc-v2", "ctr")
    return Recipe(
        name="containerd",
        module=module,
        version=version,
        packages=tuple(f"{module}/cmd/{program}" for program in programs),
        programs=programs,
        tags="no_btrfs,no_devmapper,no_zfs",
        variables=(f"{module}/version.Version={version}",),
        minutes=2,
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
