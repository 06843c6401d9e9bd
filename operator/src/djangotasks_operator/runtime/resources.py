"""Resources of the API server."""

from typing import Any, NamedTuple

# A manifest, or the body of an object, as JSON has it.
Object = dict[str, Any]


class Resource(NamedTuple):
    """A kind of object as URLs name it."""

    prefix: str
    """The path of its group and version, such as /apis/batch/v1."""
    plural: str


JOBS = Resource("/apis/batch/v1", "jobs")
PODS = Resource("/api/v1", "pods")
DEPLOYMENTS = Resource("/apis/apps/v1", "deployments")
REPLICA_SETS = Resource("/apis/apps/v1", "replicasets")
SERVICES = Resource("/api/v1", "services")
LEASES = Resource("/apis/coordination.k8s.io/v1", "leases")
EVENTS = Resource("/api/v1", "events")


def path(resource: Resource, namespace: str | None, name: str | None = None) -> str:
    """The URL path of an object, or of all of them (`name` None), in one namespace or in all (`namespace` None)."""
    prefix, plural = resource
    base = f"{prefix}/{plural}" if namespace is None else f"{prefix}/namespaces/{namespace}/{plural}"
    return base if name is None else f"{base}/{name}"
