"""Sets up what the benchmarks need in the cluster, as a user does: the operator from its chart and image, in a
namespace of its own, and a queue. All of it is gone afterwards."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.api import Api
from benchmarks.django_project import SETTINGS, project
from tools.cluster import ROOT, Progress, ProviderError, Target, ensure_image
from tools.cluster.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELEASE = "bench"
DEPLOYMENT = f"{RELEASE}-djangotasks"
ROLLOUT_SECONDS = 120
QUEUE = "default"
# A backend whose namespace no operator watches: what is enqueued there is stored, and nothing else happens.
UNWATCHED = "unwatched"


@dataclass(frozen=True)
class Site:
    """`namespace`: the operator's, with the queue `default`. `unwatched`: nobody's. `task`: adds two numbers."""

    api: Api
    namespace: str
    unwatched: str
    operator_namespace: str
    queue: dict[str, Any]
    task: Any
    progress: Progress
    kubeconfig: Path

    @property
    def namespaces(self) -> tuple[str, ...]:
        return (self.namespace, self.unwatched, self.operator_namespace)


@contextmanager
def site(progress: Progress) -> Iterator[Site]:
    """Up and ready. Raises ProviderError or StepFailed."""
    cluster = Cluster.ready()
    refuse_other_operators(cluster)
    operator_image, example_image = (
        ensure_image(cluster.provider, target) for target in (Target.OPERATOR, Target.EXAMPLE)
    )
    with ExitStack() as cleanup:
        watched, unwatched, own = (_namespace(cluster, cleanup) for _ in range(3))
        cleanup.callback(cluster.helm, "uninstall", RELEASE, "--namespace", own, "--ignore-not-found")
        _install(cluster, operator_image, own, watched)
        queue = queue_manifest(example_image)
        cluster.kubectl(watched).apply(queue)
        progress.say("operator", f"ready in {own}, watches {watched}")
        task = cleanup.enter_context(project(cluster.kubeconfig, {"default": watched, UNWATCHED: unwatched}))
        yield Site(Api(cluster.kubeconfig), watched, unwatched, own, queue, task, progress, cluster.kubeconfig)
        progress.say("operator", "being removed, with its namespaces")


def refuse_other_operators(cluster: Cluster) -> None:
    """An operator for all namespaces would run the tasks as well, and half of what is measured would be its work."""
    selector = ("-l", "app.kubernetes.io/name=djangotasks")
    for deployment in cluster.kubectl("default").get("deployments", "--all-namespaces", *selector)["items"]:
        arguments = deployment["spec"]["template"]["spec"]["containers"][0].get("args", [])
        if not any(argument.startswith("--namespace=") for argument in arguments):
            metadata = deployment["metadata"]
            raise ProviderError(
                f"The operator {metadata['name']} in {metadata['namespace']} watches all namespaces, and would take "
                "part in what is measured. Uninstall it first (helm list --all-namespaces)."
            )


def queue_manifest(image: str) -> dict[str, Any]:
    """Without limits or requests: they cost nothing, and say nothing here."""
    container = {
        "name": "task",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": name, "value": value} for name, value in SETTINGS.items()],
    }
    return {
        "apiVersion": "djangotasks.dev/v1alpha1",
        "kind": "DjangoTaskQueue",
        "metadata": {"name": QUEUE},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def _namespace(cluster: Cluster, cleanup: ExitStack) -> str:
    name = cluster.new_namespace()
    cleanup.callback(cluster.delete_namespace, name)
    return name


def _install(cluster: Cluster, image: str, namespace: str, watched: str) -> None:
    repository, _, tag = image.rpartition(":")
    values = {
        "image.repository": repository,
        "image.tag": tag,
        "watchNamespaces[0]": watched,
        # They are there, and stay when the release goes.
        "crds.enabled": "false",
    }
    settings = [part for name, value in values.items() for part in ("--set", f"{name}={value}")]
    chart = str(ROOT / "charts" / "djangotasks")
    cluster.helm("upgrade", "--install", RELEASE, chart, "--namespace", namespace, *settings)
    cluster.kubectl(namespace).roll_out(DEPLOYMENT, seconds=ROLLOUT_SECONDS)
