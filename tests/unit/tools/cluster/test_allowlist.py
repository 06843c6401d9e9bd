"""No test may run against a cluster by accident."""

import pytest

from tools.cluster import allowlist
from tools.cluster.errors import ProviderError


@pytest.mark.parametrize("context", ["kind-djangotasks", "kind-x", "minikube", "k3d-dev", "djangotasks-native"])
def test_test_clusters_are_allowed(context: str) -> None:
    allowlist.check(context, force=False)


@pytest.mark.parametrize(
    "context", ["", "production", "kind", "minikube-prod", "my-kind-x", "KIND-x", "k3d", "djangotasks-native-2"]
)
def test_others_are_refused_unless_forced(context: str) -> None:
    with pytest.raises(ProviderError, match="DJANGOTASKS_CLUSTER_FORCE=1"):
        allowlist.check(context, force=False)
    allowlist.check(context, force=True)
