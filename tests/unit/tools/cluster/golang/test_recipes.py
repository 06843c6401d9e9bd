"""What is built from Go modules."""

import pytest

from tools.cluster.golang.recipes import executable, recipe_of, recipes
from tools.cluster.settings import Versions


def test_programs_have_one_recipe_each() -> None:
    programs = [program for recipe in recipes(Versions()).values() for program in recipe.programs]
    assert len(set(programs)) == len(programs)
    kubectl = recipe_of("kubectl", Versions(kubernetes="1.36.0"))
    assert kubectl is not None
    assert "k8s.io/component-base/version.gitVersion=v1.36.0" in kubectl.variables
    assert recipe_of("docker", Versions()) is None


def test_kubectl_is_had_without_the_rest_of_kubernetes() -> None:
    kubectl = recipe_of("kubectl", Versions())
    assert kubectl is not None
    assert kubectl.packages == ("k8s.io/kubernetes/cmd/kubectl",)


def test_what_shares_packages_is_built_in_the_same_go_mod() -> None:
    known = recipes(Versions())
    assert len({known[name].requires for name in ("kubernetes", "kubectl", "containerd", "helm", "kwok")}) == 1
    assert known["kind"].requires == (("sigs.k8s.io/kind", Versions().kind),)


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("go.etcd.io/etcd/server/v3", "server"),
        ("helm.sh/helm/v4/cmd/helm", "helm"),
        ("sigs.k8s.io/kind", "kind"),
    ],
)
def test_a_program_is_named_as_go_names_it(package: str, name: str) -> None:
    assert executable(package) == name
