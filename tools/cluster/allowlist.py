"""Which clusters the tests may touch: they create and delete namespaces, so never one by accident."""

from __future__ import annotations

from fnmatch import fnmatchcase

from tools.cluster.errors import ProviderError

ALLOWED = ("kind-*", "minikube", "k3d-*", "djangotasks-native")


def is_allowed(context: str) -> bool:
    """Tell whether a kubeconfig context names a cluster that is made for tests."""
    return any(fnmatchcase(context, pattern) for pattern in ALLOWED)


def check(context: str, *, force: bool) -> None:
    """Raise ProviderError for a context that is not on the list, unless forced."""
    if is_allowed(context) or force:
        return
    raise ProviderError(
        f"The context {context!r} does not look like a test cluster (these do: {', '.join(ALLOWED)}). "
        "Tests would create and delete things in it. If that is meant, set DJANGOTASKS_CLUSTER_FORCE=1."
    )
